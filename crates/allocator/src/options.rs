//! How the allocator is set up.

use std::time::Duration;

use tepui_types::ResourceQuantities;

/// How those who want offers are ordered: roles among their siblings, and the frameworks of a role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sorter {
    /// The least weighted dominant share first.
    #[default]
    Drf,
    /// In a random order, in which a role of twice the weight comes first twice as often.
    Random,
}

/// The settings of an allocator, named after the master's flags.
#[derive(Clone, Debug)]
pub struct Options {
    /// The least time before declined resources return to their decliner, and the period of the sweep.
    pub allocation_interval: Duration,
    /// Whether agents with GPUs are kept for frameworks that want GPUs.
    pub filter_gpu_resources: bool,
    /// What an offer must hold at the least: any of these sets. None at all admits every offer.
    pub min_allocatable: Vec<ResourceQuantities>,
    /// Names of resources that do not count to a share.
    pub excluded_from_fair_share: Vec<String>,
    /// Who comes first.
    pub sorter: Sorter,
}

impl Default for Options {
    /// The defaults of Mesos, but without a minimum.
    fn default() -> Self {
        Self {
            allocation_interval: Duration::from_secs(1),
            filter_gpu_resources: true,
            min_allocatable: Vec::new(),
            excluded_from_fair_share: Vec::new(),
            sorter: Sorter::Drf,
        }
    }
}
