//! What of root's power a process has.

use std::io;

use nix::libc;

/// The version of the kernel's interface with two words a set.
const VERSION_3: u32 = 0x2008_0522;

/// A set of capabilities, by the kernel's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(u64);

/// The names of the capabilities, at the place of their number.
const NAMES: &[&str] = &[
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

impl Capabilities {
    /// The set of these bits.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The bits.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The capability of this name, without `CAP_`.
    pub fn named(name: &str) -> Option<Self> {
        NAMES.iter().position(|known| *known == name).map(|number| Self(1 << number))
    }

    /// Both sets.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether all of this set are in the other.
    pub const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }
}

/// What this process may do.
pub fn permitted_capabilities() -> io::Result<Capabilities> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("CapPrm:"));
    let bits = line.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
    bits.map(Capabilities).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Takes all but these away from what programs that we execute may gain.
pub fn limit_capabilities(bounding: Capabilities) -> io::Result<()> {
    for number in 0..NAMES.len() {
        if bounding.0 & (1 << number) != 0 {
            continue;
        }
        // SAFETY: this option takes one integer and touches no memory.
        let result = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, number, 0, 0, 0) };
        if result != 0 {
            match io::Error::last_os_error() {
                // A capability that this kernel does not have.
                error if error.raw_os_error() == Some(libc::EINVAL) => {}
                error => return Err(error),
            }
        }
    }
    Ok(())
}

/// Keeps the permitted capabilities when the user is switched away from root.
pub fn keep_capabilities() -> io::Result<()> {
    // SAFETY: this option takes one integer and touches no memory.
    let result = unsafe { libc::prctl(libc::PR_SET_KEEPCAPS, 1, 0, 0, 0) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Has exactly these capabilities, and gives them to the programs that we execute, whoever the user is.
pub fn set_capabilities(capabilities: Capabilities) -> io::Result<()> {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: libc::c_int,
    }
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Data {
        effective: u32,
        permitted: u32,
        inheritable: u32,
    }
    let word = |shift: u32| {
        let bits = u32::try_from((capabilities.0 >> shift) & u64::from(u32::MAX)).unwrap_or_default();
        Data { effective: bits, permitted: bits, inheritable: bits }
    };
    let header = Header { version: VERSION_3, pid: 0 };
    let data = [word(0), word(32)];
    // SAFETY: the header names version 3, whose data are two words a set; both live as long as the call.
    let result = unsafe { libc::syscall(libc::SYS_capset, &raw const header, data.as_ptr()) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    for number in 0..NAMES.len() {
        if capabilities.0 & (1 << number) == 0 {
            continue;
        }
        // SAFETY: these options take integers and touch no memory.
        let result = unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE, number, 0, 0) };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_kernels_numbers() {
        assert_eq!(Capabilities::named("CHOWN").unwrap().bits(), 1);
        assert_eq!(Capabilities::named("SYS_ADMIN").unwrap().bits(), 1 << 21);
        assert_eq!(Capabilities::named("CHECKPOINT_RESTORE").unwrap().bits(), 1 << 40);
        assert_eq!(Capabilities::named("CAP_CHOWN"), None);
        assert!(permitted_capabilities().is_ok());
    }
}
