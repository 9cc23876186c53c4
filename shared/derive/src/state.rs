//! `#[derive(State)]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Error, Fields, Ident, Result};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let name = &input.ident;
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(&input.generics, "State cannot be derived for generic types"));
    }
    let (save, load) = match &input.data {
        Data::Struct(data) => {
            let (pattern, bindings) = pattern(&data.fields);
            let load = loads(&data.fields);
            (quote! { let Self #pattern = self; #(#bindings.save(out);)* }, quote! { Ok(Self #load) })
        }
        Data::Enum(data) if data.variants.len() > 256 => {
            return Err(Error::new_spanned(name, "State takes at most 256 variants"));
        }
        Data::Enum(data) => {
            let numbers = 0..=255u8;
            let arms = data.variants.iter().zip(numbers).map(|(variant, number)| {
                let variant_name = &variant.ident;
                let (pattern, bindings) = pattern(&variant.fields);
                let load = loads(&variant.fields);
                (
                    quote! { Self::#variant_name #pattern => { #number.save(out); #(#bindings.save(out);)* } },
                    quote! { #number => Ok(Self::#variant_name #load), },
                )
            });
            let (saves, loads): (Vec<_>, Vec<_>) = arms.unzip();
            let malformed = format!("{name} has no variant ");
            (
                quote! { match self { #(#saves)* } },
                quote! {
                    match u8::load(from)? {
                        #(#loads)*
                        number => Err(::fracas_shared::codec::DecodeError::Malformed(
                            format!(concat!(#malformed, "{}"), number),
                        )),
                    }
                },
            )
        }
        Data::Union(_) => return Err(Error::new_spanned(name, "State cannot be derived for unions")),
    };
    Ok(quote! {
        #[automatically_derived]
        impl ::fracas_shared::State for #name {
            #[allow(unused_variables)]
            fn save(&self, out: &mut ::fracas_shared::codec::StateWriter<'_>) {
                use ::fracas_shared::State as _;
                #save
            }

            #[allow(unused_variables)]
            fn load(
                from: &mut ::fracas_shared::codec::StateReader<'_>,
            ) -> ::core::result::Result<Self, ::fracas_shared::codec::DecodeError> {
                use ::fracas_shared::State as _;
                #load
            }
        }
    })
}

/// A pattern that binds all fields, and the names that it binds.
fn pattern(fields: &Fields) -> (TokenStream, Vec<Ident>) {
    let bindings: Vec<_> = (0..fields.len()).map(|place| format_ident!("field_{place}")).collect();
    let pattern = match fields {
        Fields::Named(fields) => {
            let names = fields.named.iter().map(|field| &field.ident);
            quote! { { #(#names: #bindings),* } }
        }
        Fields::Unnamed(_) => quote! { ( #(#bindings),* ) },
        Fields::Unit => quote! {},
    };
    (pattern, bindings)
}

/// The fields of a constructor, each loaded.
fn loads(fields: &Fields) -> TokenStream {
    let load = fields.iter().map(|field| {
        let ty = &field.ty;
        quote! { <#ty as ::fracas_shared::State>::load(from)? }
    });
    match fields {
        Fields::Named(fields) => {
            let names = fields.named.iter().map(|field| &field.ident);
            quote! { { #(#names: #load),* } }
        }
        Fields::Unnamed(_) => quote! { ( #(#load),* ) },
        Fields::Unit => quote! {},
    }
}
