//! `#[derive(Row)]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Expr, Field, Fields, Ident, LitInt, Result};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let name = &input.ident;
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(&input.generics, "Row cannot be derived for generic types"));
    }
    let kinds = match &input.data {
        Data::Struct(data) => vec![Kind::new(name, quote!(Self), &data.fields)?],
        Data::Enum(data) => data
            .variants
            .iter()
            .map(|variant| {
                let path = &variant.ident;
                Kind::new(path, quote!(Self::#path), &variant.fields)
            })
            .collect::<Result<_>>()?,
        Data::Union(_) => return Err(Error::new_spanned(name, "Row cannot be derived for unions")),
    };
    let numbers: Vec<_> = (0..kinds.len()).map(|number| number as u8).collect();
    let schemas = kinds.iter().map(Kind::schema);
    let patterns: Vec<_> = kinds.iter().map(|kind| &kind.path).collect();
    let writes = kinds.iter().map(Kind::write);
    let reads = kinds.iter().map(Kind::read);
    Ok(quote! {
        #[automatically_derived]
        impl ::fracas_shared::Row for #name {
            fn kinds() -> ::std::vec::Vec<::fracas_shared::schema::Kind> {
                ::std::vec![#(#schemas),*]
            }

            fn kind(&self) -> u8 {
                match self { #(#patterns { .. } => #numbers),* }
            }

            #[allow(unused_variables)]
            fn write(&self, row: &mut ::fracas_shared::row::RowWriter<'_>) {
                match self { #(#writes)* }
            }

            #[allow(unused_variables)]
            fn read(
                kind: u8,
                row: &mut ::fracas_shared::row::RowReader<'_>,
            ) -> ::core::result::Result<Self, ::fracas_shared::row::RowError> {
                match kind {
                    #(#numbers => ::core::result::Result::Ok(#reads),)*
                    kind => ::core::result::Result::Err(::fracas_shared::row::RowError::NoSuchKind(kind)),
                }
            }
        }
    })
}

/// A struct or variant.
struct Kind {
    name: String,
    path: TokenStream,
    fields: Vec<RowField>,
}

/// A field, with what its attribute says of it.
struct RowField {
    name: Ident,
    ty: syn::Type,
    coding: Coding,
}

enum Coding {
    Inferred,
    Uint { bits: LitInt },
    Int { bits: LitInt },
    Fixed { min: Box<Expr>, step: Box<Expr>, bits: LitInt },
    Angle { bits: LitInt },
}

impl Kind {
    fn new(name: &Ident, path: TokenStream, fields: &Fields) -> Result<Self> {
        let fields = match fields {
            Fields::Named(named) => named.named.iter().map(RowField::new).collect::<Result<_>>()?,
            Fields::Unit => Vec::new(),
            Fields::Unnamed(_) => return Err(Error::new_spanned(fields, "a row's fields have names")),
        };
        Ok(Self { name: name.to_string(), path, fields })
    }

    fn schema(&self) -> TokenStream {
        let name = &self.name;
        let fields = self.fields.iter().map(RowField::schema);
        quote! {
            ::fracas_shared::schema::Kind {
                name: ::std::string::String::from(#name),
                fields: ::std::vec![#(#fields),*],
            }
        }
    }

    /// The match arm that writes this kind.
    fn write(&self) -> TokenStream {
        let path = &self.path;
        let names = self.fields.iter().map(|field| &field.name);
        let bindings: Vec<_> = self.fields.iter().map(RowField::binding).collect();
        let writes = self.fields.iter().map(RowField::write);
        quote! { #path { #(#names: #bindings),* } => { #(#writes)* } }
    }

    /// The expression that reads this kind.
    fn read(&self) -> TokenStream {
        let path = &self.path;
        let names = self.fields.iter().map(|field| &field.name);
        let reads = self.fields.iter().map(RowField::read);
        quote! { #path { #(#names: #reads),* } }
    }
}

impl RowField {
    fn new(field: &Field) -> Result<Self> {
        let name =
            field.ident.clone().ok_or_else(|| Error::new(field.span(), "a row's fields have names"))?;
        let mut coding = None;
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("row")) {
            attribute.parse_nested_meta(|meta| {
                if coding.is_some() {
                    return Err(meta.error("a field has one coding"));
                }
                let kind = meta.path.require_ident()?.to_string();
                let (mut min, mut step, mut bits) = (None, None, None);
                meta.parse_nested_meta(|argument| {
                    let value = argument.value()?;
                    match argument.path.require_ident()?.to_string().as_str() {
                        "min" => min = Some(value.parse::<Expr>()?),
                        "step" => step = Some(value.parse::<Expr>()?),
                        "bits" => bits = Some(value.parse::<LitInt>()?),
                        _ => return Err(argument.error("expected `min`, `step` or `bits`")),
                    }
                    Ok(())
                })?;
                let bits = bits.ok_or_else(|| meta.error("`bits = ...` is missing"))?;
                if !(1..=32).contains(&bits.base10_parse::<u8>()?) {
                    return Err(Error::new(bits.span(), "bits are from 1 to 32"));
                }
                coding = Some(match (kind.as_str(), min, step) {
                    ("uint", None, None) => Coding::Uint { bits },
                    ("int", None, None) => Coding::Int { bits },
                    ("angle", None, None) => Coding::Angle { bits },
                    ("fixed", Some(min), Some(step)) => {
                        Coding::Fixed { min: Box::new(min), step: Box::new(step), bits }
                    }
                    _ => {
                        return Err(meta.error(
                            "expected `uint(bits)`, `int(bits)`, `angle(bits)` or `fixed(min, step, bits)`",
                        ));
                    }
                });
                Ok(())
            })?;
        }
        Ok(Self { name, ty: field.ty.clone(), coding: coding.unwrap_or(Coding::Inferred) })
    }

    fn binding(&self) -> Ident {
        format_ident!("field_{}", self.name)
    }

    fn schema(&self) -> TokenStream {
        let (name, ty) = (self.name.unraw().to_string(), &self.ty);
        let field_kind = quote!(::fracas_shared::schema::FieldKind);
        let kind = match &self.coding {
            Coding::Inferred => quote! { <#ty as ::fracas_shared::row::RowField>::field_kind() },
            Coding::Uint { bits } => quote! { #field_kind::Uint { bits: #bits } },
            Coding::Int { bits } => quote! { #field_kind::Int { bits: #bits } },
            Coding::Angle { bits } => quote! { #field_kind::Angle { bits: #bits } },
            Coding::Fixed { min, step, bits } => {
                quote! { #field_kind::Fixed { min: #min, step: #step, bits: #bits } }
            }
        };
        quote! {
            ::fracas_shared::schema::Field { name: ::std::string::String::from(#name), kind: #kind }
        }
    }

    fn write(&self) -> TokenStream {
        let (field, ty) = (self.binding(), &self.ty);
        match &self.coding {
            Coding::Inferred => quote! { <#ty as ::fracas_shared::row::RowField>::write(#field, row); },
            Coding::Uint { bits } => quote! { row.put_uint(u32::from(*#field), #bits); },
            Coding::Int { bits } => quote! { row.put_int(i32::from(*#field), #bits); },
            Coding::Angle { bits } => quote! { row.put_angle(*#field, #bits); },
            Coding::Fixed { min, step, bits } => {
                quote! { row.put_fixed(*#field, #min, #step, #bits); }
            }
        }
    }

    fn read(&self) -> TokenStream {
        let ty = &self.ty;
        match &self.coding {
            Coding::Inferred => quote! { <#ty as ::fracas_shared::row::RowField>::read(row)? },
            Coding::Uint { .. } => quote! { row.take()? as #ty },
            Coding::Int { bits } => quote! { row.take_int(#bits)? as #ty },
            Coding::Angle { bits } => quote! { row.take_angle(#bits)? },
            Coding::Fixed { min, step, .. } => quote! { row.take_fixed(#min, #step)? },
        }
    }
}
