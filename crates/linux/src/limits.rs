//! Resource limits of a process, as POSIX means them.

use std::io;

use nix::libc;

/// A resource that can be limited, by the kernel's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitedResource(u32);

impl LimitedResource {
    /// The resource of this name: the part of `RLIMIT_...` behind the underscore.
    pub fn named(name: &str) -> Option<Self> {
        Some(Self(match name {
            "CPU" => 0,
            "FSIZE" => 1,
            "DATA" => 2,
            "STACK" => 3,
            "CORE" => 4,
            "RSS" => 5,
            "NPROC" => 6,
            "NOFILE" => 7,
            "MEMLOCK" => 8,
            "AS" => 9,
            "LOCKS" => 10,
            "SIGPENDING" => 11,
            "MSGQUEUE" => 12,
            "NICE" => 13,
            "RTPRIO" => 14,
            "RTTIME" => 15,
            _ => return None,
        }))
    }

    /// The kernel's number.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The resource of this number.
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }
}

/// Limits what this process and those that it starts may use; `u64::MAX` is no limit.
pub fn set_limit(resource: LimitedResource, soft: u64, hard: u64) -> io::Result<()> {
    let limit = libc::rlimit64 { rlim_cur: soft, rlim_max: hard };
    // SAFETY: the pointer is to a valid `rlimit64` that outlives the call; the old limit is not asked for.
    let result = unsafe {
        libc::syscall(
            libc::SYS_prlimit64,
            0,
            resource.0,
            &raw const limit,
            std::ptr::null::<libc::rlimit64>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
