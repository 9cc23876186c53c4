//! The exchange's way to the system where there is `io_uring`.

#![expect(unsafe_code, reason = "the kernel reads and writes memory that it is told the address of")]

use std::io::{self, ErrorKind};
use std::mem;

use io_uring::squeue::Entry;
use io_uring::types::Fd;
use io_uring::{IoUring, opcode};

use super::{Act, READ_FLAGS, WRITE_FLAGS};

/// As many acts are carried out by one call.
const ENTRIES: u32 = 256;

/// A queue to the kernel. Nothing is in it but while something is carried out.
pub(super) struct Ring(IoUring);

impl Ring {
    /// One for this thread.
    pub(super) fn new() -> io::Result<Self> {
        // One thread submits, and it waits for all it has submitted. Linux 6.1 has all of these.
        let mut builder = IoUring::builder();
        builder.setup_single_issuer().setup_defer_taskrun().setup_submit_all().build(ENTRIES).map(Self)
    }

    /// Carries out all acts, and notes what came of each.
    ///
    /// # Errors
    /// The kernel takes no more. What it has not answered counts as failed; the ring is not to be used any more, and
    /// what is read and written is lost.
    pub(super) fn carry_out(
        &mut self,
        acts: &mut [Act],
        read: &mut Vec<u8>,
        written: &mut Vec<u8>,
    ) -> io::Result<()> {
        for acts in acts.chunks_mut(ENTRIES as usize) {
            let (to, from) = (read.as_mut_ptr(), written.as_ptr());
            for (place, act) in acts.iter_mut().enumerate() {
                let room = if act.is_write { written.len() } else { read.len() };
                assert!(act.begin + act.length <= room, "an act on memory that is there");
                let entry = entry_of(act, to, from).user_data(place as u64);
                // SAFETY: the entry points into what is read or written, which stays as it is until `finish` has
                // seen everything through, or else for good.
                let pushed = unsafe { self.0.submission().push(&entry) };
                // A chunk has no more than the queue takes, which is empty.
                debug_assert!(pushed.is_ok());
                act.result = -rustix::io::Errno::CANCELED.raw_os_error();
            }
            if let Err(error) = self.finish(acts) {
                // The kernel may still be about to use them.
                mem::forget(mem::take(read));
                mem::forget(mem::take(written));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Submits what is queued, waits for all of it, and notes what came of it.
    fn finish(&mut self, acts: &mut [Act]) -> io::Result<()> {
        let mut left = acts.len();
        while left > 0 {
            match self.0.submit_and_wait(left) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for completion in self.0.completion() {
                acts[completion.user_data() as usize].result = completion.result();
                left -= 1;
            }
        }
        Ok(())
    }
}

/// `read` and `written` are the begins of what an act's place is counted in.
fn entry_of(act: &Act, read: *mut u8, written: *const u8) -> Entry {
    let (socket, length) = (Fd(act.socket), act.length as u32);
    if act.is_write {
        let bytes = written.wrapping_add(act.begin);
        opcode::Send::new(socket, bytes, length).flags(WRITE_FLAGS.bits() as i32).build()
    } else {
        let bytes = read.wrapping_add(act.begin);
        opcode::Recv::new(socket, bytes, length).flags(READ_FLAGS.bits() as i32).build()
    }
}
