//! A server of Tag and nothing else.

use std::process::ExitCode;

use tag::Tag;

fracas_shared::games! {
    /// The games of this server.
    struct Games = [Tag]
}

fn main() -> ExitCode {
    fracas_server::program::<Games>("tag", std::env::args_os())
}
