//! Operations on an agent with many reservations: `UpdateAllocation` of Mesos.

use std::collections::BTreeMap;
use std::sync::Arc;

use tepui_allocator::{Allocator, Sorter};
use tepui_proto::v1;
use tepui_types::{FrameworkId, Resources};

use crate::bench::{agent, agent_id, allocated, framework, framework_id, start, time};

/// How often one framework reserves and unreserves.
const TIMES: usize = 20;

/// One agent with four resources for each of `roles`, all reserved, each under a label of its own, and all allocated.
pub(crate) fn update_allocation(roles: usize) {
    let mut allocator = start(Sorter::Drf);
    let mut random = 1;
    let roles: Vec<String> =
        (0..roles).map(|_| format!("role-{}", String::from_utf8_lossy(&letters(&mut random)))).collect();
    let mut total = Resources::new();
    let mut used: BTreeMap<FrameworkId, Resources> = BTreeMap::new();
    for (number, role) in roles.iter().enumerate() {
        allocator.add_framework(&framework_id(number), framework(role), true);
        let reserved = reservations(role, &mut random);
        total += &reserved;
        used.insert(framework_id(number), allocated(&reserved, role));
    }
    println!("UpdateAllocation: {} objects on the agent", total.len());
    time("add the agent", || allocator.add_agent(&agent_id(0), agent(&total), &used));
    let Some((loops, reserved)) = used.first_key_value() else { return };
    let mut unreserved = reserved.to_unreserved();
    unreserved.allocate(reserved.iter().next().and_then(|it| it.allocation_role()).unwrap_or_default());
    let convert = |allocator: &mut Allocator, from: &Resources, to: &Resources| {
        allocator.convert(loops, &agent_id(0), from, to);
        assert!(allocator.held(loops, &agent_id(0)).contains(to), "the operation was carried out");
    };
    // Both directions in turn, so both are in the figure.
    time("20 UNRESERVE and 20 RESERVE", || {
        for _ in 0..TIMES {
            convert(&mut allocator, reserved, &unreserved);
            convert(&mut allocator, &unreserved, reserved);
        }
    });
}

fn reservations(role: &str, random: &mut u64) -> Resources {
    let protos: Vec<v1::Resource> = ["cpus", "mem", "disk", "ports"]
        .into_iter()
        .map(|name| {
            let label = v1::Label {
                key: "Label".to_owned(),
                value: Some(String::from_utf8_lossy(&letters(random)).into_owned()),
            };
            let reservation = v1::resource::ReservationInfo {
                r#type: Some(v1::resource::reservation_info::Type::Dynamic as i32),
                role: Some(role.to_owned()),
                labels: Some(v1::Labels { labels: vec![label] }),
                ..Default::default()
            };
            let (kind, scalar, ranges) = if name == "ports" {
                let range = vec![v1::value::Range { begin: 2, end: 2 }];
                (v1::value::Type::Ranges, None, Some(v1::value::Ranges { range }))
            } else {
                (v1::value::Type::Scalar, Some(v1::value::Scalar { value: 100.0 }), None)
            };
            v1::Resource {
                name: name.to_owned(),
                r#type: kind as i32,
                scalar,
                ranges,
                reservations: vec![reservation],
                ..Default::default()
            }
        })
        .collect();
    Resources::from_protos(&protos).expect("the reservations are valid")
}

/// 36 letters, as random as a label has to be to be no other's.
fn letters(random: &mut u64) -> Arc<[u8]> {
    (0..36)
        .map(|_| {
            *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            b'a' + u8::try_from((*random >> 33) % 26).unwrap_or_default()
        })
        .collect()
}
