//! What the kernel has taken for all sockets of this machine.

use std::fs;

use anyhow::{Context, Result};

/// At one moment, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct KernelMemory {
    /// Objects of all kinds: sockets, files, what waits in them.
    pub(crate) slab: f64,
    /// What TCP counts as its buffers.
    pub(crate) buffers: f64,
}

impl KernelMemory {
    /// Asks the kernel.
    pub(crate) fn now() -> Result<Self> {
        let read = |path: &str| fs::read_to_string(path).with_context(|| format!("cannot read {path}"));
        Self::read(&read("/proc/meminfo")?, &read("/proc/net/sockstat")?)
    }

    fn read(meminfo: &str, sockstat: &str) -> Result<Self> {
        let slab =
            meminfo.lines().find_map(|line| line.strip_prefix("Slab:")).context("no Slab in meminfo")?;
        let kib: f64 = slab.trim().trim_end_matches("kB").trim().parse()?;
        let tcp =
            sockstat.lines().find_map(|line| line.strip_prefix("TCP:")).context("no TCP in sockstat")?;
        let (_, pages) = tcp.split_once(" mem ").context("no mem in sockstat")?;
        let pages: f64 = pages.split_whitespace().next().context("no mem in sockstat")?.parse()?;
        Ok(Self { slab: kib * 1024.0, buffers: pages * rustix::param::page_size() as f64 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_says_what_it_has_taken() {
        let meminfo = "MemTotal:  1000 kB\nSlab:             200 kB\nSReclaimable:  10 kB\n";
        let sockstat = "sockets: used 5\nTCP: inuse 2 orphan 0 tw 1 alloc 3 mem 7\nUDP: inuse 0 mem 9\n";
        let found = KernelMemory::read(meminfo, sockstat).expect("all is there");
        let page = rustix::param::page_size() as f64;
        assert_eq!(found, KernelMemory { slab: 200.0 * 1024.0, buffers: 7.0 * page });
        assert!(KernelMemory::read("", sockstat).is_err());
    }
}
