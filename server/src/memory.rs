//! How the process gets its memory.

/// Takes memory in small pages from now on, where the kernel would give huge ones.
///
/// Allocators ask for huge pages, of which a server with small things in many places fills few: with
/// them it has twice the memory and is no faster. To be called before there are other threads.
pub fn use_small_pages() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "memory comes in huge pages");
    }
}
