//! bot-client.

fn main() {}
