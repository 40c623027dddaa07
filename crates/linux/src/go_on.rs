//! What a forked child does in place of executing a program whose code it has in memory already.

use std::ffi::CString;
use std::io;

use nix::libc;

unsafe extern "C" {
    /// Where this process' environment is.
    static mut environ: *const *const libc::c_char;
}

/// Where the parts of this process are in its memory, as `proc(5)` has them in `stat`. Forked children have the same.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    code: [u64; 2],
    data: [u64; 2],
    start_brk: u64,
    start_stack: u64,
}

/// `struct prctl_mm_map` of the kernel.
#[repr(C)]
struct MemoryMap {
    start_code: u64,
    end_code: u64,
    start_data: u64,
    end_data: u64,
    start_brk: u64,
    brk: u64,
    start_stack: u64,
    arg_start: u64,
    arg_end: u64,
    env_start: u64,
    env_end: u64,
    auxv: u64,
    auxv_size: u32,
    exe_fd: u32,
}

impl Layout {
    /// Looks where the parts of this process are.
    pub fn of_this_process() -> io::Result<Self> {
        let stat = std::fs::read_to_string("/proc/self/stat")?;
        // The name, in parentheses, may have spaces. What follows begins with the third field.
        let fields: Vec<&str> =
            stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_ascii_whitespace().collect();
        let field = |number: usize| {
            let text = fields.get(number - 3).copied().unwrap_or_default();
            text.parse::<u64>().map_err(io::Error::other)
        };
        Ok(Self {
            code: [field(26)?, field(27)?],
            data: [field(45)?, field(46)?],
            start_brk: field(47)?,
            start_stack: field(28)?,
        })
    }

    /// Shows these arguments and this environment to whoever looks at this process from outside.
    fn show(&self, arguments: &[CString], environment: &[CString]) -> io::Result<()> {
        let mut texts: Vec<u8> = Vec::new();
        for text in arguments {
            texts.extend_from_slice(text.as_bytes_with_nul());
        }
        let between = texts.len();
        for text in environment {
            texts.extend_from_slice(text.as_bytes_with_nul());
        }
        // The kernel reads it for as long as the process lives.
        let texts: &'static [u8] = texts.leak();
        let start = texts.as_ptr().addr() as u64;
        // SAFETY: an increment of zero changes nothing.
        let brk = unsafe { libc::sbrk(0) }.addr() as u64;
        let map = MemoryMap {
            start_code: self.code[0],
            end_code: self.code[1],
            start_data: self.data[0],
            end_data: self.data[1],
            start_brk: self.start_brk,
            brk,
            start_stack: self.start_stack,
            arg_start: start,
            arg_end: start + between as u64,
            env_start: start + between as u64,
            env_end: start + texts.len() as u64,
            auxv: 0,
            auxv_size: 0,
            exe_fd: u32::MAX,
        };
        let size = size_of::<MemoryMap>();
        // SAFETY: the kernel reads a structure of this size that outlives the call, and changes nothing but what is shown.
        let result = unsafe { libc::prctl(libc::PR_SET_MM, libc::PR_SET_MM_MAP, &raw const map, size, 0) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

/// Puts this process in the state in which it would be if it had executed its own program once more, as far as that program
/// can see: the environment, the descriptors, the signals. What it has in memory from before is not for others to read.
///
/// For a process of one thread, whose owners of descriptors beyond the standard ones are never dropped.
pub fn go_on(layout: &Layout, arguments: &[CString], environment: &[CString]) -> io::Result<()> {
    // SAFETY: this option takes one integer and touches no memory of ours.
    if unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // Kernels may be built without it; then tools show the arguments of whoever forked us.
    let _ = layout.show(arguments, environment);
    let texts = environment.iter().map(|text| text.clone().into_raw().cast_const());
    let list: &'static [*const libc::c_char] = texts.chain([std::ptr::null()]).collect::<Vec<_>>().leak();
    // SAFETY: there is one thread, so nobody reads the variable meanwhile; list and texts live as long as the process.
    unsafe { environ = list.as_ptr() };
    // As Rust's programs begin: a broken pipe is an error of the write.
    // SAFETY: to ignore a signal runs no code of ours.
    unsafe {
        nix::sys::signal::signal(nix::sys::signal::Signal::SIGPIPE, nix::sys::signal::SigHandler::SigIgn)
    }?;
    // SAFETY: the call takes three integers; the caller says that nobody uses these descriptors any more.
    if unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_found() {
        let layout = Layout::of_this_process().unwrap();
        let here = Layout::of_this_process as fn() -> _ as *const () as u64;
        assert!(layout.code[0] <= here && here < layout.code[1]);
    }
}
