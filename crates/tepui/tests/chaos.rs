//! Clusters of masters at which everything happens that can happen: see `tepui_testing::chaos`.
//!
//! `CHAOS_ROUNDS=100 CHAOS_SEED=7 cargo test -p tepui --test chaos -- --nocapture etcd` runs as many rounds as you like.
//! Without a number of rounds there are two on each store, whose faults are fixed.

use tepui_testing::chaos::{Plan, Store, chaos};

#[test]
fn a_cluster_on_zookeeper_survives_chaos() {
    let plan = Plan::from_environment(Store::ZooKeeper, env!("CARGO_BIN_EXE_tepui"));
    chaos("a_cluster_on_zookeeper_survives_chaos", &plan);
}

#[test]
fn a_cluster_on_etcd_survives_chaos() {
    let plan = Plan::from_environment(Store::Etcd, env!("CARGO_BIN_EXE_tepui"));
    chaos("a_cluster_on_etcd_survives_chaos", &plan);
}
