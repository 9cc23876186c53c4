//! `#[derive(RowEnum)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Result};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let name = &input.ident;
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(name, "RowEnum is for enums"));
    };
    if let Some(variant) = data.variants.iter().find(|variant| !matches!(variant.fields, Fields::Unit)) {
        return Err(Error::new_spanned(variant, "a variant of a RowEnum has no fields"));
    }
    let variants: Vec<_> = data.variants.iter().map(|variant| &variant.ident).collect();
    let names = variants.iter().map(ToString::to_string);
    let numbers: Vec<_> = (0..variants.len() as u32).collect();
    let label = name.to_string();
    Ok(quote! {
        #[automatically_derived]
        impl ::fracas_shared::row::RowField for #name {
            fn field_kind() -> ::fracas_shared::schema::FieldKind {
                ::fracas_shared::schema::FieldKind::Enum {
                    names: ::std::vec![#(::std::string::String::from(#names)),*],
                }
            }

            fn write(&self, row: &mut ::fracas_shared::row::RowWriter<'_>) {
                row.put_index(match self { #(Self::#variants => #numbers),* });
            }

            fn as_sent(&self) -> Self {
                match self { #(Self::#variants => Self::#variants),* }
            }

            fn read(
                row: &mut ::fracas_shared::row::RowReader<'_>,
            ) -> ::core::result::Result<Self, ::fracas_shared::row::RowError> {
                match row.take()? {
                    #(#numbers => ::core::result::Result::Ok(Self::#variants),)*
                    code => ::core::result::Result::Err(
                        ::fracas_shared::row::RowError::NoSuchValue { field: #label, code },
                    ),
                }
            }
        }
    })
}
