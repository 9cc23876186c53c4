//! `#[derive(Row)]`.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Expr, Field, Fields, Ident, Lit, LitInt, Result};

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
    let sents = kinds.iter().map(Kind::as_sent);
    let blends = kinds.iter().filter_map(Kind::blend);
    let coasts = kinds.iter().filter_map(Kind::coast);
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

            #[inline]
            fn as_sent(&self) -> Self {
                match self { #(#sents)* }
            }

            #[allow(unused_variables, unreachable_patterns)]
            fn blend(&mut self, to: &Self, part: f32, seconds: f32) {
                match (self, to) {
                    #(#blends)*
                    _ => {}
                }
            }

            #[allow(unused_variables, unreachable_patterns)]
            fn coast(&mut self, seconds: f32) {
                match self {
                    #(#coasts)*
                    _ => {}
                }
            }
        }
    })
}

/// The expression of an option.
fn optional(value: Option<TokenStream>) -> TokenStream {
    value.map_or_else(
        || quote!(::core::option::Option::None),
        |value| quote!(::core::option::Option::Some(#value)),
    )
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
    /// The field that is its velocity.
    velocity: Option<Ident>,
    jump: Option<Lit>,
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

    /// The match arm that makes a value of this kind as it travels.
    fn as_sent(&self) -> TokenStream {
        let path = &self.path;
        let names: Vec<_> = self.fields.iter().map(|field| &field.name).collect();
        let bindings: Vec<_> = self.fields.iter().map(RowField::binding).collect();
        let sents = self.fields.iter().map(RowField::as_sent);
        quote! { #path { #(#names: #bindings),* } => #path { #(#names: #sents),* }, }
    }

    /// The match arm that moves a value of this kind towards another one; none when nothing moves.
    fn blend(&self) -> Option<TokenStream> {
        let moving: Vec<_> = self.fields.iter().filter(|field| field.moves()).collect();
        if moving.is_empty() {
            return None;
        }
        let path = &self.path;
        let names: Vec<_> = moving.iter().map(|field| &field.name).collect();
        let here: Vec<_> = moving.iter().map(|field| field.binding()).collect();
        let there: Vec<_> = moving.iter().map(|field| format_ident!("to_{}", field.name)).collect();
        let before: Vec<_> = moving.iter().map(|field| format_ident!("from_{}", field.name)).collect();
        let jumps = moving.iter().filter_map(|field| field.jumps());
        let blends = moving.iter().map(|field| field.blend());
        Some(quote! {
            (#path { #(#names: #here,)* .. }, #path { #(#names: #there,)* .. }) => {
                // Of all fields as they were, for one may be the velocity of another.
                #(let (#before, #there) = (*#here, *#there);)*
                if #(#jumps ||)* false {
                    return;
                }
                #(#blends)*
            }
        })
    }

    /// The match arm that moves a value of this kind on; none when nothing has a velocity.
    fn coast(&self) -> Option<TokenStream> {
        let moving: Vec<_> = self.fields.iter().filter(|field| field.velocity.is_some()).collect();
        if moving.is_empty() {
            return None;
        }
        let path = &self.path;
        let velocities = moving.iter().filter_map(|field| field.velocity.as_ref());
        let mut names: Vec<_> = moving.iter().map(|field| &field.name).chain(velocities).collect();
        names.sort();
        names.dedup();
        let bindings = names.iter().map(|name| format_ident!("field_{}", name));
        let steps = moving.iter().filter_map(|field| {
            let (field, velocity) = (field.binding(), format_ident!("field_{}", field.velocity.as_ref()?));
            Some(quote! { *#field += *#velocity * seconds; })
        });
        Some(quote! { #path { #(#names: #bindings,)* .. } => { #(#steps)* } })
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
        let (mut coding, mut velocity, mut jump) = (None, None, None);
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("row")) {
            attribute.parse_nested_meta(|meta| {
                match meta.path.require_ident()?.to_string().as_str() {
                    "velocity" => {
                        velocity = Some(meta.value()?.parse::<Ident>()?);
                        return Ok(());
                    }
                    "jump" => {
                        jump = Some(meta.value()?.parse::<Lit>()?);
                        return Ok(());
                    }
                    _ => {}
                }
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
        if (velocity.is_some() || jump.is_some()) && !matches!(coding, Some(Coding::Fixed { .. })) {
            return Err(Error::new(field.span(), "only what is `fixed` has a `velocity` or a `jump`"));
        }
        let coding = coding.unwrap_or(Coding::Inferred);
        Ok(Self { name, ty: field.ty.clone(), coding, velocity, jump })
    }

    /// Whether there is something between two of its values.
    fn moves(&self) -> bool {
        matches!(self.coding, Coding::Fixed { .. } | Coding::Angle { .. })
    }

    fn motion(&self, end: &str) -> TokenStream {
        let at = format_ident!("{end}_{}", self.name);
        let velocity = self.velocity.as_ref().map(|velocity| format_ident!("{end}_{velocity}"));
        let velocity = velocity.map_or_else(|| quote!(0.0), ToTokens::into_token_stream);
        quote! { ::fracas_shared::blend::Motion { at: #at, velocity: #velocity } }
    }

    /// Whether it was put elsewhere.
    fn jumps(&self) -> Option<TokenStream> {
        let jump = self.jump.as_ref()?;
        let (from, to) = (self.motion("from"), self.motion("to"));
        Some(quote! { ::fracas_shared::blend::is_jump(#from, #to, seconds, #jump) })
    }

    fn blend(&self) -> TokenStream {
        let field = self.binding();
        let (from, to) = (format_ident!("from_{}", self.name), format_ident!("to_{}", self.name));
        match (&self.coding, &self.velocity) {
            (Coding::Angle { .. }, _) => {
                quote! { *#field = ::fracas_shared::blend::turn(#from, #to, part); }
            }
            (_, Some(_)) => {
                let (from, to) = (self.motion("from"), self.motion("to"));
                quote! { *#field = ::fracas_shared::blend::along(#from, #to, part, seconds); }
            }
            (_, None) => quote! { *#field = ::fracas_shared::math::lerp(#from, #to, part); },
        }
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
        let velocity = optional(
            self.velocity.as_ref().map(|field| field.unraw().to_string()).map(|name| quote!(#name.into())),
        );
        let jump = optional(self.jump.as_ref().map(ToTokens::to_token_stream));
        quote! {
            ::fracas_shared::schema::Field {
                name: ::std::string::String::from(#name),
                kind: #kind,
                velocity: #velocity,
                jump: #jump,
            }
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

    fn as_sent(&self) -> TokenStream {
        let (field, ty) = (self.binding(), &self.ty);
        let quant = quote!(::fracas_shared::quant);
        match &self.coding {
            Coding::Inferred => quote! { <#ty as ::fracas_shared::row::RowField>::as_sent(#field) },
            Coding::Uint { bits } => quote! { #quant::uint_code(u32::from(*#field), #bits) as #ty },
            Coding::Int { bits } => {
                quote! { #quant::int_value(#quant::int_code(i32::from(*#field), #bits), #bits) as #ty }
            }
            Coding::Angle { bits } => {
                quote! { #quant::angle_value(#quant::angle_code(*#field, #bits), #bits) }
            }
            Coding::Fixed { min, step, bits } => {
                quote! { #quant::fixed_value(#quant::fixed_code(*#field, #min, #step, #bits), #min, #step) }
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
