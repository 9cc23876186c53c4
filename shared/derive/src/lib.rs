//! The derive macros of `fracas-shared`: [`macro@Row`], [`macro@RowEnum`] and [`macro@State`].
//!
//! What they mean is told where their traits are: `fracas_shared::row` and `fracas_shared::state`.

mod row;
mod row_enum;
mod state;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct one kind of row, or an enum with named fields a union of kinds.
///
/// See `fracas_shared::row` for the types of fields and their attributes.
#[proc_macro_derive(Row, attributes(row))]
pub fn derive_row(input: TokenStream) -> TokenStream {
    expand(row::derive, &parse_macro_input!(input as DeriveInput))
}

/// Makes an enum without fields usable as a field of a row: its variants' names go into the schema.
#[proc_macro_derive(RowEnum)]
pub fn derive_row_enum(input: TokenStream) -> TokenStream {
    expand(row_enum::derive, &parse_macro_input!(input as DeriveInput))
}

/// Makes a struct or enum of `State` fields `State`: saved field by field, variants by number.
#[proc_macro_derive(State)]
pub fn derive_state(input: TokenStream) -> TokenStream {
    expand(state::derive, &parse_macro_input!(input as DeriveInput))
}

fn expand(
    derive: fn(&DeriveInput) -> syn::Result<proc_macro2::TokenStream>,
    input: &DeriveInput,
) -> TokenStream {
    derive(input).unwrap_or_else(|error| error.to_compile_error()).into()
}
