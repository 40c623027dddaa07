//! What holds for any sequence of calls.

use proptest::prelude::*;

use super::*;

const FRAMEWORKS: [&str; 4] = ["f0", "f1", "f2", "f3"];
const AGENTS: [&str; 3] = ["a0", "a1", "a2"];
const ROLES: [&str; 4] = ["r", "s", "s/t", "s/t/u"];
const TOTALS: [&str; 4] = [
    "cpus:4;mem:64;ports:[1-9]",
    "cpus:2;cpus(s):3;mem:10",
    "cpus(r):1;cpus(s/t):2;mem(s):7;cpus:1;gpus:2",
    "mem:5",
];

#[derive(Clone, Debug)]
enum Step {
    AddFramework(usize, Vec<usize>, Vec<usize>, u8),
    RemoveFramework(usize),
    Activate(usize, bool),
    Suppress(usize, usize, bool),
    AddAgent(usize, usize, bool),
    ChangeAgent(usize, usize, bool),
    RemoveAgent(usize),
    ActivateAgent(usize, bool),
    Weight(usize, u8),
    Claim(usize, usize, usize, u8),
    /// Gives back a part of one of the allocations, chosen by the first number.
    Recover(usize, u8, Option<u16>),
    /// The quota of a role at the top: cpus that are guaranteed, and its limit, if any.
    Quota(bool, Option<(u8, Option<u8>)>),
    /// Whether an agent is to become unavailable.
    Unavailable(usize, bool),
    /// One of those who were asked to leave answers, or is not asked any more.
    EndReclaim(usize, Option<u16>),
    Wait(u16),
    Allocate,
}

fn step() -> impl Strategy<Value = Step> {
    let (f, a) = (0..FRAMEWORKS.len(), 0..AGENTS.len());
    let (r, t) = (0..ROLES.len(), 0..TOTALS.len());
    let roles = || prop::collection::vec(0..ROLES.len(), 0..3);
    prop_oneof![
        3 => (f.clone(), roles(), roles(), any::<u8>())
            .prop_map(|(f, roles, suppressed, bits)| Step::AddFramework(f, roles, suppressed, bits)),
        1 => f.clone().prop_map(Step::RemoveFramework),
        1 => (f.clone(), any::<bool>()).prop_map(|(f, on)| Step::Activate(f, on)),
        2 => (f.clone(), r.clone(), any::<bool>()).prop_map(|(f, r, on)| Step::Suppress(f, r, on)),
        3 => (a.clone(), t.clone(), any::<bool>()).prop_map(|(a, t, shared)| Step::AddAgent(a, t, shared)),
        1 => (a.clone(), t, any::<bool>()).prop_map(|(a, t, shared)| Step::ChangeAgent(a, t, shared)),
        1 => a.clone().prop_map(Step::RemoveAgent),
        1 => (a.clone(), any::<bool>()).prop_map(|(a, on)| Step::ActivateAgent(a, on)),
        1 => (r.clone(), any::<u8>()).prop_map(|(r, weight)| Step::Weight(r, weight)),
        3 => (a.clone(), any::<bool>()).prop_map(|(a, on)| Step::Unavailable(a, on)),
        4 => (any::<usize>(), prop::option::of(0..8000_u16))
            .prop_map(|(which, spare)| Step::EndReclaim(which, spare)),
        1 => (f, a, r, any::<u8>()).prop_map(|(f, a, r, amount)| Step::Claim(f, a, r, amount)),
        12 => (any::<usize>(), any::<u8>(), prop::option::of(0..8000_u16))
            .prop_map(|(which, part, refuse)| Step::Recover(which, part, refuse)),
        1 => (any::<bool>(), prop::option::of((0..6_u8, prop::option::of(0..8_u8))))
            .prop_map(|(role, quota)| Step::Quota(role, quota)),
        6 => (0..3000_u16).prop_map(Step::Wait),
        8 => Just(Step::Allocate),
    ]
}

fn total(number: usize, shared: bool) -> Resources {
    let mut total = resources(TOTALS[number]);
    if shared {
        total += shared_volume("r");
    }
    total
}

fn description(roles: &[usize], suppressed: &[usize], bits: u8) -> FrameworkDescription {
    let mut description = framework(&[]);
    description.roles = roles.iter().map(|role| ROLES[*role].to_owned()).collect();
    description.suppressed = suppressed.iter().map(|role| ROLES[*role].to_owned()).collect();
    description.capabilities.gpu = bits & 1 != 0;
    description.capabilities.shared = bits & 2 != 0;
    if bits & 4 != 0 {
        let minimum = tepui_types::ResourceQuantities::parse("cpus:2").unwrap();
        description.min_allocatable = BTreeMap::from([("s".to_owned(), vec![minimum])]);
    }
    description
}

/// An allocator beside a model of what is held and refused.
struct Model {
    cluster: Cluster,
    held: Vec<Allocation>,
    refused: Vec<(Allocation, Time)>,
    log: Vec<Vec<Allocation>>,
    asked: Vec<Reclaim>,
    spared: Vec<(Reclaim, Time)>,
    limits: BTreeMap<&'static str, Option<tepui_types::Scalar>>,
}

impl Model {
    fn new(seed: u64) -> Self {
        let mut cluster = Cluster::new();
        let minimum = tepui_types::ResourceQuantities::parse("cpus:0.01").unwrap();
        let sorter = if seed.is_multiple_of(2) { crate::Sorter::Drf } else { crate::Sorter::Random };
        let options = Options { min_allocatable: vec![minimum], sorter, ..Options::default() };
        cluster.allocator = Allocator::new(options, seed);
        Self {
            cluster,
            held: Vec::new(),
            refused: Vec::new(),
            log: Vec::new(),
            asked: Vec::new(),
            spared: Vec::new(),
            limits: BTreeMap::new(),
        }
    }

    fn apply(&mut self, step: &Step) {
        let allocator = &mut self.cluster.allocator;
        match step {
            Step::AddFramework(f, roles, suppressed, bits) => {
                let id = framework_id(FRAMEWORKS[*f]);
                allocator.add_framework(&id, description(roles, suppressed, *bits), bits & 8 == 0);
                // Which refusals this clears is looked at by the tests of single rules.
                self.refused.retain(|(it, _)| it.framework != id);
            }
            Step::RemoveFramework(f) => {
                let id = framework_id(FRAMEWORKS[*f]);
                allocator.remove_framework(&id);
                self.asked.retain(|it| it.framework != id);
                self.spared.retain(|(it, _)| it.framework != id);
                self.held.retain(|it| it.framework != id);
                self.refused.retain(|(it, _)| it.framework != id);
            }
            Step::Activate(f, true) => allocator.activate_framework(&framework_id(FRAMEWORKS[*f])),
            Step::Activate(f, false) => {
                let id = framework_id(FRAMEWORKS[*f]);
                allocator.deactivate_framework(&id);
                self.spared.retain(|(it, _)| it.framework != id);
                self.refused.retain(|(it, _)| it.framework != id);
            }
            Step::Suppress(f, r, true) => {
                allocator.suppress(&framework_id(FRAMEWORKS[*f]), &names(&[ROLES[*r]]));
            }
            Step::Suppress(f, r, false) => {
                let id = framework_id(FRAMEWORKS[*f]);
                allocator.revive(&id, &names(&[ROLES[*r]]));
                self.spared.retain(|(it, _)| it.framework != id);
                self.refused.retain(|(it, _)| it.framework != id || it.role.as_ref() != ROLES[*r]);
            }
            Step::AddAgent(a, t, shared) => {
                let id = agent_id(AGENTS[*a]);
                allocator.add_agent(&id, agent(total(*t, *shared)), &BTreeMap::new());
                self.forget_agent(&id);
            }
            Step::ChangeAgent(a, t, shared) => {
                allocator.update_agent(&agent_id(AGENTS[*a]), agent(total(*t, *shared)));
            }
            Step::RemoveAgent(a) => {
                let id = agent_id(AGENTS[*a]);
                allocator.remove_agent(&id);
                self.forget_agent(&id);
            }
            Step::ActivateAgent(a, true) => allocator.activate_agent(&agent_id(AGENTS[*a])),
            Step::ActivateAgent(a, false) => allocator.deactivate_agent(&agent_id(AGENTS[*a])),
            Step::Weight(r, weight) => allocator.set_weight(ROLES[*r], f64::from(*weight) / 10.0),
            Step::Claim(f, a, r, amount) => {
                let part = allocated(&format!("cpus:{}", f64::from(*amount) / 100.0), ROLES[*r]);
                allocator.claim(&framework_id(FRAMEWORKS[*f]), &agent_id(AGENTS[*a]), &part);
            }
            Step::Recover(which, part, refuse) => self.recover(*which, *part, *refuse),
            Step::Quota(first, quota) => self.set_quota(if *first { "r" } else { "s" }, *quota),
            Step::Unavailable(a, on) => {
                let id = agent_id(AGENTS[*a]);
                allocator.set_unavailable(&id, *on);
                self.forget_asked(&id);
            }
            Step::EndReclaim(which, spare) => self.end_reclaim(*which, *spare),
            Step::Wait(time) => self.cluster.now += Duration::from_millis(u64::from(*time)),
            Step::Allocate => self.allocate(),
        }
        self.cluster.allocator.check();
    }

    fn set_quota(&mut self, role: &'static str, quota: Option<(u8, Option<u8>)>) {
        let cpus = |amount: u8| {
            let amount = tepui_types::Scalar::from_thousandths(i64::from(amount) * 1000);
            BTreeMap::from([("cpus".to_owned(), amount)])
        };
        let quota = quota.map(|(guarantee, limit)| crate::Quota {
            guarantees: cpus(guarantee),
            limits: limit.map(|limit| cpus(limit.max(guarantee))).unwrap_or_default(),
        });
        self.limits.insert(role, quota.as_ref().and_then(|quota| quota.limits.get("cpus").copied()));
        self.cluster.allocator.set_quota(role, quota.as_ref());
    }

    fn forget_asked(&mut self, id: &AgentId) {
        self.asked.retain(|it| it.agent != *id);
        self.spared.retain(|(it, _)| it.agent != *id);
    }

    fn end_reclaim(&mut self, which: usize, spare: Option<u16>) {
        if self.asked.is_empty() {
            return;
        }
        let over = self.asked.swap_remove(which % self.asked.len());
        let spare = spare.map(|time| Duration::from_millis(u64::from(time)));
        self.cluster.allocator.end_reclaim(self.cluster.now, &over.framework, &over.agent, spare);
        if let Some(time) = spare {
            self.spared.push((over, self.cluster.now + time.max(INTERVAL)));
        }
    }

    fn reclaim(&mut self) {
        let mut out = Vec::new();
        self.cluster.allocator.reclaim(self.cluster.now, &mut out);
        for it in &out {
            assert!(!self.asked.contains(it), "{it:?} was asked already");
            let early = self.spared.iter().find(|(spared, until)| spared == it && *until > self.cluster.now);
            assert!(early.is_none(), "{it:?} is spared: {early:?}");
            let holds = !self.cluster.allocator.held(&it.framework, &it.agent).is_empty();
            assert!(holds, "{it:?} holds nothing there");
        }
        self.asked.extend(out);
    }

    fn forget_agent(&mut self, id: &AgentId) {
        self.forget_asked(id);
        self.held.retain(|it| it.agent != *id);
        self.refused.retain(|(it, _)| it.agent != *id);
    }

    fn recover(&mut self, which: usize, part: u8, refuse: Option<u16>) {
        if self.held.is_empty() {
            return;
        }
        let which = which % self.held.len();
        let mut returned = self.held.swap_remove(which);
        if part < 100 {
            let kept = returned.resources.iter().next().cloned().map(Resources::from).unwrap_or_default();
            returned.resources -= &kept;
            self.held.push(Allocation { resources: kept, ..returned.clone() });
        }
        let refuse = refuse.map(|time| Duration::from_millis(u64::from(time)));
        let Allocation { framework, agent, resources, .. } = &returned;
        self.cluster.allocator.recover(self.cluster.now, framework, agent, resources, refuse);
        if let Some(time) = refuse.filter(|_| !returned.resources.is_empty()) {
            let until = self.cluster.now + time.max(INTERVAL);
            self.refused.push((returned, until));
        }
    }

    fn allocate(&mut self) {
        let now = self.cluster.now;
        let before = ["r", "s"].map(|role| self.cluster.allocator.quota_state(role, "cpus"));
        let out = self.cluster.allocate();
        for (role, before) in ["r", "s"].into_iter().zip(before) {
            let after = self.cluster.allocator.quota_state(role, "cpus");
            if let Some(Some(limit)) = self.limits.get(role) {
                let limit = i128::from(limit.thousandths());
                assert!(after.0 <= limit.max(before.0), "{role} is offered no more than its limit");
            }
            assert!(after.1 >= before.1.min(0), "what is guaranteed to others is not offered");
        }
        for offer in &out {
            let early = self.refused.iter().find(|(refused, until)| {
                *until > now
                    && (&refused.framework, &refused.role, &refused.agent)
                        == (&offer.framework, &offer.role, &offer.agent)
                    && refused.resources.contains(&offer.resources)
            });
            assert!(early.is_none(), "{offer:?} was refused: {early:?}");
            assert!(!offer.resources.is_empty(), "an offer holds something");
        }
        self.reclaim();
        assert!(self.cluster.allocator.next_deadline().is_none_or(|next| next > now), "all is done");
        self.held.extend(out.iter().cloned());
        self.log.push(out);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// `check` holds at each step: nothing is given twice, and nothing that someone wants is left lying.
    #[test]
    fn any_sequence_keeps_the_invariants(seed: u64, steps in prop::collection::vec(step(), 0..60)) {
        let mut model = Model::new(seed);
        for step in &steps {
            model.apply(step);
        }
        model.apply(&Step::Allocate);
    }

    #[test]
    fn the_same_seed_gives_the_same_allocations(seed: u64, steps in prop::collection::vec(step(), 0..60)) {
        let run = || {
            let mut model = Model::new(seed);
            for step in &steps {
                model.apply(step);
            }
            model.apply(&Step::Allocate);
            model.log
        };
        prop_assert_eq!(run(), run());
    }

    /// Weighted dominant shares differ by no more than the largest agent is worth.
    #[test]
    fn shares_are_equal_within_one_agent(
        seed: u64,
        agents in prop::collection::vec((1..9_u32, 1..9_u32), 1..60),
        weights in prop::collection::vec(1..5_u32, 1..6),
        one_role: bool,
    ) {
        let mut allocator = Allocator::new(Options::default(), seed);
        let weight = |number: usize| if one_role { 1.0 } else { f64::from(weights[number]) };
        for number in 0..weights.len() {
            let role = if one_role { "all".to_owned() } else { format!("role{number}") };
            allocator.set_weight(&role, weight(number));
            allocator.add_framework(&framework_id(&number.to_string()), framework(&[&role]), true);
        }
        for (number, (cpus, mem)) in agents.iter().enumerate() {
            let total = resources(&format!("cpus:{cpus};mem:{mem}"));
            allocator.add_agent(&agent_id(&number.to_string()), agent(total), &BTreeMap::new());
        }
        let mut out = Vec::new();
        allocator.allocate(Time::ZERO, &mut out);
        prop_assert_eq!(out.len(), agents.len());
        let total = |of: fn(&(u32, u32)) -> u32| f64::from(agents.iter().map(of).sum::<u32>());
        let (cpus, mem) = (total(|it| it.0), total(|it| it.1));
        let share = |number: usize| {
            let mine = || out.iter().filter(|it| it.framework == framework_id(&number.to_string()));
            let amount = |name| mine().map(|it| it.resources.quantities().get(name).as_f64()).sum::<f64>();
            (amount("cpus") / cpus).max(amount("mem") / mem) / weight(number)
        };
        let shares: Vec<_> = (0..weights.len()).map(share).collect();
        let largest = agents.iter().map(|it| (f64::from(it.0) / cpus).max(f64::from(it.1) / mem)).fold(0.0, f64::max);
        // What made a share the highest was given when it was the lowest, and is worth most to the least weight.
        let least_weight = (0..weights.len()).map(weight).fold(f64::MAX, f64::min);
        let (low, high) = shares.iter().fold((f64::MAX, 0.0_f64), |(low, high), it| (low.min(*it), high.max(*it)));
        prop_assert!(high - low <= largest / least_weight + 1e-9, "{:?}, agent {}", shares, largest);
    }
}
