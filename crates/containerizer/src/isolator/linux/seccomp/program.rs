//! Profiles as programs of the kernel's packet filter machine.
//!
//! For each architecture the numbers of system calls are split into ranges of which the same is said, and the range of a call
//! is found by halving. Of several rules for a call those with comparisons are tried first, in the order of the profile, and
//! then the first one without. A call from an architecture that the profile does not have ends the process.

use std::collections::BTreeMap;

use tepui_linux::Capabilities;

use super::profile::{Action, Comparison, Operator, Profile, Rule};

/// What the kernel calls architectures.
const AUDIT_X86_64: u32 = 0xc000_003e;
const AUDIT_X86: u32 = 0x4000_0003;
const AUDIT_AARCH64: u32 = 0xc000_00b7;

/// From here on the numbers are those of x32, programs of `x86_64` with short pointers.
const X32_NUMBERS: u32 = 0x4000_0000;

/// The most instructions that the kernel takes.
const MAX_INSTRUCTIONS: usize = 4096;

/// Where a system call's number, architecture and arguments are.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

/// The machine's instructions, as far as they are used.
const LOAD: u16 = 0x20;
const AND: u16 = 0x54;
const JUMP: u16 = 0x05;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_GREATER: u16 = 0x25;
const JUMP_GREATER_EQUAL: u16 = 0x35;
const RETURN: u16 = 0x06;

const TABLE: &str = include_str!("system_calls.txt");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Instruction {
    code: u16,
    if_true: u8,
    if_false: u8,
    operand: u32,
}

/// What is said of a system call.
#[derive(Clone, Debug, Default)]
struct Said<'a> {
    conditional: Vec<&'a Rule>,
    otherwise: Option<Action>,
}

/// Makes the program of a profile for a container that can gain these capabilities. The error is for people.
pub(super) fn compile(profile: &Profile, bounding: Capabilities) -> Result<Vec<u8>, String> {
    let rules: Vec<&Rule> = profile.rules.iter().filter(|rule| holds(rule, bounding)).collect();
    let mut program = vec![plain(LOAD, ARCHITECTURE)];
    for (audit, column) in architectures(profile) {
        let section = section(profile.default, &rules, audit, column)?;
        program.push(Instruction { code: JUMP_EQUAL, if_true: 1, if_false: 0, operand: audit });
        program.push(plain(JUMP, length(&section)));
        program.extend(section);
    }
    program.push(answer(Action::KILL_PROCESS));
    if program.len() > MAX_INSTRUCTIONS {
        return Err(format!("the seccomp profile needs more than {MAX_INSTRUCTIONS} instructions"));
    }
    Ok(program.into_iter().flat_map(Instruction::bytes).collect())
}

/// Whether a rule is for containers with these capabilities.
fn holds(rule: &Rule, bounding: Capabilities) -> bool {
    rule.includes.is_within(bounding) && rule.excludes.bits() & bounding.bits() == 0
}

/// The architectures of a profile that this machine can have, with their columns in the table.
fn architectures(profile: &Profile) -> Vec<(u32, usize)> {
    if cfg!(target_arch = "aarch64") {
        return vec![(AUDIT_AARCH64, 3)];
    }
    let has_x86 = profile.architectures.iter().any(|name| name == "SCMP_ARCH_X86");
    let x86 = has_x86.then_some((AUDIT_X86, 2));
    [(AUDIT_X86_64, 1)].into_iter().chain(x86).collect()
}

/// The program for one architecture.
fn section(default: Action, rules: &[&Rule], audit: u32, column: usize) -> Result<Vec<Instruction>, String> {
    let numbers = numbers(column);
    let mut said: BTreeMap<u32, Said<'_>> = BTreeMap::new();
    for rule in rules {
        for name in &rule.names {
            let known = numbers.get(name.as_str()).ok_or_else(|| format!("Unrecognized syscall '{name}'"))?;
            // One that only other architectures have.
            let Some(number) = known else { continue };
            let said = said.entry(*number).or_default();
            if rule.comparisons.is_empty() {
                said.otherwise.get_or_insert(rule.action);
            } else {
                said.conditional.push(rule);
            }
        }
    }
    let ranges = ranges(said, default);
    let mut program = vec![plain(LOAD, NUMBER)];
    if audit == AUDIT_X86_64 {
        program.push(Instruction { code: JUMP_GREATER_EQUAL, if_true: 0, if_false: 1, operand: X32_NUMBERS });
        program.push(answer(Action::KILL_PROCESS));
    }
    program.extend(halve(&ranges, default));
    Ok(program)
}

/// Where ranges of numbers begin, and what is said of all in them.
fn ranges(said: BTreeMap<u32, Said<'_>>, default: Action) -> Vec<(u32, Said<'_>)> {
    let mut ranges: Vec<(u32, Said<'_>)> = Vec::new();
    let mut next = 0;
    for (number, said) in said {
        if number > next {
            add(&mut ranges, (next, Said::default()), default);
        }
        add(&mut ranges, (number, said), default);
        next = number + 1;
    }
    add(&mut ranges, (next, Said::default()), default);
    ranges
}

/// Adds a range, unless the same is said of the one before.
fn add<'a>(ranges: &mut Vec<(u32, Said<'a>)>, range: (u32, Said<'a>), default: Action) {
    let is_alike = |last: &Said<'_>, said: &Said<'_>| {
        let is_plain = last.conditional.is_empty() && said.conditional.is_empty();
        is_plain && last.otherwise.unwrap_or(default) == said.otherwise.unwrap_or(default)
    };
    if !ranges.last().is_some_and(|(_, last)| is_alike(last, &range.1)) {
        ranges.push(range);
    }
}

/// The numbers of one column of the table; none for a name that only other architectures have.
fn numbers(column: usize) -> BTreeMap<&'static str, Option<u32>> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    let entry = |line: &'static str| {
        let mut words = line.split(' ');
        let name = words.next()?;
        Some((name, words.nth(column - 1)?.parse().ok()))
    };
    lines.filter_map(entry).collect()
}

/// Finds the range of the number that is loaded.
fn halve(ranges: &[(u32, Said<'_>)], default: Action) -> Vec<Instruction> {
    if let [(_, said)] = ranges {
        let mut program: Vec<Instruction> =
            said.conditional.iter().flat_map(|rule| conditional(rule)).collect();
        program.push(answer(said.otherwise.unwrap_or(default)));
        return program;
    }
    let (left, right) = ranges.split_at(ranges.len() / 2);
    let Some((start, _)) = right.first() else { return vec![answer(default)] };
    let left = halve(left, default);
    let mut program = match u8::try_from(left.len()) {
        Ok(distance) => {
            vec![Instruction { code: JUMP_GREATER_EQUAL, if_true: distance, if_false: 0, operand: *start }]
        }
        Err(_) => vec![
            Instruction { code: JUMP_GREATER_EQUAL, if_true: 0, if_false: 1, operand: *start },
            plain(JUMP, length(&left)),
        ],
    };
    program.extend(left);
    program.extend(halve(right, default));
    program
}

/// Answers with the rule's action if all its comparisons hold, else goes on behind.
fn conditional(rule: &Rule) -> Vec<Instruction> {
    let mut program = vec![answer(rule.action)];
    for comparison in rule.comparisons.iter().rev() {
        let mut block = compare(*comparison, program.len());
        block.append(&mut program);
        program = block;
    }
    program
}

/// Where a jump goes.
#[derive(Clone, Copy)]
enum To {
    Next,
    /// Behind the comparison, which holds.
    Holds,
    /// Behind the rule, which does not.
    Fails,
}

/// Compares an argument, the upper half first; `rest` is the length of what follows of the rule.
fn compare(comparison: Comparison, rest: usize) -> Vec<Instruction> {
    use To::{Fails, Holds, Next};
    let Comparison { index, operator, value, second } = comparison;
    // The kernel gives arguments in the machine's order of bytes; those that we know put the lower half first.
    let lower = plain(LOAD, ARGUMENTS + 8 * u32::from(index));
    let upper = plain(LOAD, ARGUMENTS + 8 * u32::from(index) + 4);
    let jump = |code, operand, if_true, if_false| {
        (Instruction { code, if_true: 0, if_false: 0, operand }, if_true, if_false)
    };
    let step = |instruction| (instruction, Next, Next);
    let (high, low) = halves(value);
    let (second_high, second_low) = halves(second);
    let order = |last, if_more, if_less| {
        vec![
            step(upper),
            jump(JUMP_GREATER, high, if_more, Next),
            jump(JUMP_EQUAL, high, Next, if_less),
            step(lower),
            jump(last, low, if_more, if_less),
        ]
    };
    let steps = match operator {
        Operator::Equal => vec![
            step(upper),
            jump(JUMP_EQUAL, high, Next, Fails),
            step(lower),
            jump(JUMP_EQUAL, low, Holds, Fails),
        ],
        Operator::NotEqual => vec![
            step(upper),
            jump(JUMP_EQUAL, high, Next, Holds),
            step(lower),
            jump(JUMP_EQUAL, low, Fails, Holds),
        ],
        Operator::MaskedEqual => vec![
            step(upper),
            step(plain(AND, high)),
            jump(JUMP_EQUAL, second_high, Next, Fails),
            step(lower),
            step(plain(AND, low)),
            jump(JUMP_EQUAL, second_low, Holds, Fails),
        ],
        Operator::Greater => order(JUMP_GREATER, Holds, Fails),
        Operator::GreaterOrEqual => order(JUMP_GREATER_EQUAL, Holds, Fails),
        Operator::Less => order(JUMP_GREATER_EQUAL, Fails, Holds),
        Operator::LessOrEqual => order(JUMP_GREATER, Fails, Holds),
    };
    let count = steps.len();
    let distance = |from: usize, to: To| {
        let behind = count - from - 1;
        let steps = match to {
            Next => 0,
            Holds => behind,
            Fails => behind + rest,
        };
        u8::try_from(steps).expect("a rule has few comparisons")
    };
    let place = |(at, (instruction, if_true, if_false)): (usize, (Instruction, To, To))| Instruction {
        if_true: distance(at, if_true),
        if_false: distance(at, if_false),
        ..instruction
    };
    steps.into_iter().enumerate().map(place).collect()
}

fn halves(value: u64) -> (u32, u32) {
    let low = u32::try_from(value & u64::from(u32::MAX)).expect("half of it");
    (u32::try_from(value >> 32).expect("half of it"), low)
}

fn plain(code: u16, operand: u32) -> Instruction {
    Instruction { code, if_true: 0, if_false: 0, operand }
}

fn answer(action: Action) -> Instruction {
    plain(RETURN, action.0)
}

fn length(program: &[Instruction]) -> u32 {
    u32::try_from(program.len()).unwrap_or(u32::MAX)
}

impl Instruction {
    /// As the kernel has it.
    fn bytes(self) -> [u8; 8] {
        let [code_0, code_1] = self.code.to_ne_bytes();
        let [operand_0, operand_1, operand_2, operand_3] = self.operand.to_ne_bytes();
        [code_0, code_1, self.if_true, self.if_false, operand_0, operand_1, operand_2, operand_3]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel would answer.
    fn run(program: &[u8], architecture: u32, number: u32, arguments: [u64; 6]) -> u32 {
        let mut data = [number.to_ne_bytes(), architecture.to_ne_bytes(), [0; 4], [0; 4]].concat();
        data.extend(arguments.iter().flat_map(|argument| argument.to_le_bytes()));
        let instructions: Vec<&[u8]> = program.chunks(8).collect();
        let (mut at, mut loaded) = (0, 0);
        loop {
            let it = instructions[at];
            let operand = u32::from_ne_bytes(it[4..].try_into().unwrap());
            at += 1;
            let holds = match u16::from_ne_bytes([it[0], it[1]]) {
                LOAD => {
                    let place = usize::try_from(operand).unwrap();
                    loaded = u32::from_ne_bytes(data[place..place + 4].try_into().unwrap());
                    continue;
                }
                AND => {
                    loaded &= operand;
                    continue;
                }
                JUMP => {
                    at += usize::try_from(operand).unwrap();
                    continue;
                }
                RETURN => return operand,
                JUMP_EQUAL => loaded == operand,
                JUMP_GREATER => loaded > operand,
                JUMP_GREATER_EQUAL => loaded >= operand,
                other => panic!("instruction {other}"),
            };
            at += usize::from(if holds { it[2] } else { it[3] });
        }
    }

    fn profile(syscalls: &str) -> Profile {
        let native = if cfg!(target_arch = "aarch64") { "SCMP_ARCH_AARCH64" } else { "SCMP_ARCH_X86_64" };
        let text = format!(
            r#"{{"defaultAction": "SCMP_ACT_ERRNO", "archMap": [{{"architecture": "{native}", "subArchitectures":
            ["SCMP_ARCH_X86"]}}], "syscalls": [{syscalls}]}}"#
        );
        Profile::parse(&text).unwrap()
    }

    const ALLOW: u32 = 0x7fff_0000;
    const REFUSE: u32 = 0x5_0001;
    const NATIVE: u32 = if cfg!(target_arch = "aarch64") { AUDIT_AARCH64 } else { AUDIT_X86_64 };

    fn native(name: &str) -> u32 {
        numbers(if cfg!(target_arch = "aarch64") { 3 } else { 1 })[name].unwrap()
    }

    #[test]
    fn each_call_gets_what_is_said_of_it() {
        // Every other name, so that there are many ranges and long jumps.
        let names: Vec<&str> = numbers(1).into_keys().collect();
        let allowed: Vec<&str> = names.iter().copied().step_by(2).collect();
        let rule = format!(r#"{{"names": {allowed:?}, "action": "SCMP_ACT_ALLOW"}}"#);
        let program = compile(&profile(&rule), Capabilities::default()).unwrap();
        for name in names {
            if native_has(name) {
                let expected = if allowed.contains(&name) { ALLOW } else { REFUSE };
                assert_eq!(run(&program, NATIVE, native(name), [0; 6]), expected, "{name}");
            }
        }
        assert_eq!(run(&program, NATIVE, 100_000, [0; 6]), REFUSE);
        assert_eq!(run(&program, 7, 0, [0; 6]), Action::KILL_PROCESS.0);
        if cfg!(target_arch = "x86_64") {
            assert_eq!(run(&program, NATIVE, X32_NUMBERS, [0; 6]), Action::KILL_PROCESS.0);
            let old = numbers(2)["accept4"].unwrap();
            let expected = run(&program, NATIVE, native("accept4"), [0; 6]);
            assert_eq!(run(&program, AUDIT_X86, old, [0; 6]), expected);
        }
    }

    fn native_has(name: &str) -> bool {
        numbers(if cfg!(target_arch = "aarch64") { 3 } else { 1 })[name].is_some()
    }

    type Holds = fn(u64, u64) -> bool;

    #[test]
    fn arguments_are_compared_whole() {
        let values = [0, 1, 7, 8, 9, u64::from(u32::MAX), 1 << 32, (1 << 32) + 8, (8 << 32) + 8, u64::MAX];
        let operators: [(&str, Holds); 7] = [
            ("NE", |a, b| a != b),
            ("LT", |a, b| a < b),
            ("LE", |a, b| a <= b),
            ("EQ", |a, b| a == b),
            ("GE", |a, b| a >= b),
            ("GT", |a, b| a > b),
            ("MASKED_EQ", |a, b| a & b == 8),
        ];
        for (name, holds) in operators {
            for bound in values {
                let rule = format!(
                    r#"{{"names": ["close"], "action": "SCMP_ACT_ALLOW", "args": [
                    {{"index": 1, "value": {bound}, "valueTwo": 8, "op": "SCMP_CMP_{name}"}},
                    {{"index": 0, "value": 5, "op": "SCMP_CMP_EQ"}}]}}"#
                );
                let program = compile(&profile(&rule), Capabilities::default()).unwrap();
                for value in values {
                    let expected = if holds(value, bound) { ALLOW } else { REFUSE };
                    let answer = run(&program, NATIVE, native("close"), [5, value, 0, 0, 0, 0]);
                    assert_eq!(answer, expected, "{value} {name} {bound}");
                    assert_eq!(run(&program, NATIVE, native("close"), [6, value, 0, 0, 0, 0]), REFUSE);
                }
            }
        }
    }

    #[test]
    fn capabilities_and_comparisons_choose_among_rules() {
        let syscalls = r#"
            {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
            {"names": ["close"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
            {"names": ["close"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]},
            {"names": ["read"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_SYS_ADMIN"]}}"#;
        let admin = Capabilities::named("SYS_ADMIN").unwrap();
        for (bounding, mount, read) in [(admin, ALLOW, REFUSE), (Capabilities::default(), REFUSE, ALLOW)] {
            let program = compile(&profile(syscalls), bounding).unwrap();
            assert_eq!(run(&program, NATIVE, native("mount"), [0; 6]), mount);
            assert_eq!(run(&program, NATIVE, native("read"), [0; 6]), read);
            assert_eq!(run(&program, NATIVE, native("close"), [0; 6]), 0x5_0026);
            assert_eq!(run(&program, NATIVE, native("close"), [1, 0, 0, 0, 0, 0]), ALLOW);
        }
    }

    #[test]
    fn names_of_other_machines_are_known_and_others_are_not() {
        let known = r#"{"names": ["s390_sthyi", "close"], "action": "SCMP_ACT_ALLOW"}"#;
        assert!(compile(&profile(known), Capabilities::default()).is_ok());
        let unknown = r#"{"names": ["frobnicate"], "action": "SCMP_ACT_ALLOW"}"#;
        let error = compile(&profile(unknown), Capabilities::default()).unwrap_err();
        assert_eq!(error, "Unrecognized syscall 'frobnicate'");
    }
}
