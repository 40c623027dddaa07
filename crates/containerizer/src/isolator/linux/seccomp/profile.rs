//! Docker's seccomp profiles: what is said of which system calls.

use serde::Deserialize;
use tepui_linux::Capabilities;

/// The number of EPERM, which a refused call fails with unless the profile says otherwise.
const EPERM: u16 = 1;

/// The most comparisons of one rule: a system call has six arguments.
const MAX_COMPARISONS: usize = 16;

/// What comes of a system call, as the kernel encodes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Action(pub(super) u32);

impl Action {
    pub(super) const KILL_PROCESS: Self = Self(0x8000_0000);

    fn parse(name: &str, errno: Option<u16>) -> Result<Self, String> {
        let errno = u32::from(errno.unwrap_or(EPERM));
        Ok(Self(
            match name.strip_prefix("SCMP_").ok_or_else(|| format!("Unexpected syscall action: '{name}'"))? {
                "ACT_KILL" | "ACT_KILL_THREAD" => 0,
                "ACT_KILL_PROCESS" => 0x8000_0000,
                "ACT_TRAP" => 0x0003_0000,
                "ACT_ERRNO" => 0x0005_0000 | errno,
                "ACT_TRACE" => 0x7ff0_0000 | errno,
                "ACT_LOG" => 0x7ffc_0000,
                "ACT_ALLOW" => 0x7fff_0000,
                _ => return Err(format!("Unknown syscall action: '{name}'")),
            },
        ))
    }
}

/// A profile that makes sense.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    pub(super) default: Action,
    /// The names of the architectures beside the machine's own, such as `SCMP_ARCH_X86`.
    pub(super) architectures: Vec<String>,
    pub(super) rules: Vec<Rule>,
}

/// What is said of some system calls.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) names: Vec<String>,
    pub(super) action: Action,
    /// All of them must hold.
    pub(super) comparisons: Vec<Comparison>,
    /// Holds for containers that can gain all of these,
    pub(super) includes: Capabilities,
    /// and none of these.
    pub(super) excludes: Capabilities,
}

/// A condition on an argument.
#[derive(Clone, Copy, Debug)]
pub(super) struct Comparison {
    pub(super) index: u8,
    pub(super) operator: Operator,
    pub(super) value: u64,
    /// What the argument must be where `value` is a mask.
    pub(super) second: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Operator {
    NotEqual,
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
    MaskedEqual,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    default_action: String,
    default_errno_ret: Option<u16>,
    arch_map: Vec<Architecture>,
    syscalls: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Architecture {
    architecture: String,
    #[serde(default)]
    sub_architectures: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    names: Vec<String>,
    action: String,
    errno_ret: Option<u16>,
    #[serde(default)]
    args: Option<Vec<Argument>>,
    #[serde(default)]
    includes: Option<Filter>,
    #[serde(default)]
    excludes: Option<Filter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Argument {
    index: u8,
    value: u64,
    #[serde(default)]
    value_two: u64,
    op: String,
}

#[derive(Default, Deserialize)]
struct Filter {
    #[serde(default)]
    arches: Option<Vec<String>>,
    #[serde(default)]
    caps: Option<Vec<String>>,
}

impl Profile {
    /// Reads a profile and leaves out what is for other architectures. The error is for people.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let file: File = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let mut architectures = Vec::new();
        for Architecture { architecture, sub_architectures } in file.arch_map {
            if architecture == NATIVE.0 {
                architectures.extend(sub_architectures.unwrap_or_default());
            }
        }
        let rules = file.syscalls.into_iter().map(Entry::check).collect::<Result<Vec<_>, _>>()?;
        let default = Action::parse(&file.default_action, file.default_errno_ret)?;
        Ok(Self { default, architectures, rules: rules.into_iter().flatten().collect() })
    }
}

/// What profiles call this machine's architecture, in `archMap` and in `arches`.
const NATIVE: (&str, &str) = if cfg!(target_arch = "aarch64") {
    ("SCMP_ARCH_AARCH64", "arm64")
} else {
    ("SCMP_ARCH_X86_64", "amd64")
};

impl Entry {
    /// The rule; none if it is for other architectures.
    fn check(self) -> Result<Option<Rule>, String> {
        let (includes, excludes) = (self.includes.unwrap_or_default(), self.excludes.unwrap_or_default());
        let is_native =
            |filter: &Filter| filter.arches.as_ref().map(|it| it.iter().any(|name| name == NATIVE.1));
        if is_native(&includes) == Some(false) || is_native(&excludes) == Some(true) {
            return Ok(None);
        }
        if self.names.is_empty() {
            return Err("Syscall 'names' list is empty".to_owned());
        }
        let comparisons = self.args.unwrap_or_default().into_iter().map(Argument::check);
        let comparisons = comparisons.collect::<Result<Vec<_>, _>>()?;
        if comparisons.len() > MAX_COMPARISONS {
            return Err(format!("a rule has more than {MAX_COMPARISONS} 'args'"));
        }
        Ok(Some(Rule {
            action: Action::parse(&self.action, self.errno_ret)?,
            names: self.names,
            comparisons,
            includes: capabilities(includes.caps.as_deref())?,
            excludes: capabilities(excludes.caps.as_deref())?,
        }))
    }
}

impl Argument {
    fn check(self) -> Result<Comparison, String> {
        let Self { index, value, value_two, op } = self;
        if index > 5 {
            return Err(format!("there is no argument {index} of a system call"));
        }
        let operator =
            match op.strip_prefix("SCMP_").ok_or_else(|| format!("Unexpected operation: '{op}'"))? {
                "CMP_NE" => Operator::NotEqual,
                "CMP_LT" => Operator::Less,
                "CMP_LE" => Operator::LessOrEqual,
                "CMP_EQ" => Operator::Equal,
                "CMP_GE" => Operator::GreaterOrEqual,
                "CMP_GT" => Operator::Greater,
                "CMP_MASKED_EQ" => Operator::MaskedEqual,
                _ => return Err(format!("Unknown operator: '{op}'")),
            };
        Ok(Comparison { index, operator, value, second: value_two })
    }
}

fn capabilities(names: Option<&[String]>) -> Result<Capabilities, String> {
    names.unwrap_or_default().iter().try_fold(Capabilities::default(), |set, name| {
        let bare = name.strip_prefix("CAP_").ok_or_else(|| format!("Unexpected capability: '{name}'"))?;
        Capabilities::named(bare)
            .map(|one| set.with(one))
            .ok_or_else(|| format!("Unknown capability: '{name}'"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(entry: &str) -> Result<usize, String> {
        let text = format!(
            r#"{{"defaultAction": "SCMP_ACT_ERRNO", "archMap": [{{"architecture": "{}", "subArchitectures":
            ["SCMP_ARCH_X86"]}}, {{"architecture": "SCMP_ARCH_S390X", "subArchitectures": ["SCMP_ARCH_S390"]}}],
            "syscalls": [{entry}]}}"#,
            NATIVE.0
        );
        let profile = Profile::parse(&text)?;
        assert_eq!(profile.architectures, ["SCMP_ARCH_X86"]);
        assert_eq!(profile.default, Action(0x5_0001));
        Ok(profile.rules.len())
    }

    #[test]
    fn rules_for_other_machines_are_left_out() {
        let rule = |filters: &str| {
            format!(r#"{{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": null {filters}}}"#)
        };
        assert_eq!(check(&rule("")), Ok(1));
        assert_eq!(check(&rule(r#", "includes": {"arches": ["s390"]}"#)), Ok(0));
        assert_eq!(check(&rule(&format!(r#", "includes": {{"arches": ["s390", "{}"]}}"#, NATIVE.1))), Ok(1));
        assert_eq!(check(&rule(&format!(r#", "excludes": {{"arches": ["{}"]}}"#, NATIVE.1))), Ok(0));
        assert_eq!(check(&rule(r#", "excludes": {"caps": ["CAP_SYS_ADMIN"]}, "includes": {}"#)), Ok(1));
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        let wrong = |entry: &str| check(entry).unwrap_err();
        assert_eq!(wrong(r#"{"names": [], "action": "SCMP_ACT_ALLOW"}"#), "Syscall 'names' list is empty");
        assert_eq!(wrong(r#"{"names": ["a"], "action": "ALLOW"}"#), "Unexpected syscall action: 'ALLOW'");
        assert_eq!(wrong(r#"{"names": ["a"], "action": "SCMP_X"}"#), "Unknown syscall action: 'SCMP_X'");
        let caps = r#"{"names": ["a"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_X"]}}"#;
        assert_eq!(wrong(caps), "Unknown capability: 'CAP_X'");
        let argument = r#"{"names": ["a"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]}"#;
        assert!(wrong(argument).contains("argument 6"));
        assert!(Profile::parse("{}").unwrap_err().contains("defaultAction"));
    }
}
