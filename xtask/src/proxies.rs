//! The proxies that docs/PROXIES.md is about, for the server's tests of that page.

use std::path::Path;

use crate::debian;

/// Programs, and the packages of Debian that they are in.
const PROXIES: [(&str, &str); 2] = [("/usr/sbin/nginx", "nginx-light"), ("/usr/sbin/haproxy", "haproxy")];

/// Installs the proxies that are missing, where that needs nobody's leave. Elsewhere it says which
/// tests will be skipped: they say so, too, but a test that passes is not heard.
pub(crate) fn prepare() {
    let missing: Vec<_> =
        PROXIES.iter().filter(|(path, _)| !Path::new(path).exists()).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return;
    }
    let packages = missing.join(" ");
    if debian::may_install() {
        println!("The tests of docs/PROXIES.md need {packages}: installing Debian's.");
        match debian::install(&missing) {
            Ok(()) => return,
            Err(error) => println!("{error:#}"),
        }
    }
    println!(
        "SKIPPED: tests of docs/PROXIES.md, for want of {packages}. On Debian: `apt-get install {packages}`."
    );
}
