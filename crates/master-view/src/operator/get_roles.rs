//! `GET_ROLES`.

use tepui_proto::v1;
use tepui_proto::v1::master::response::{GetRoles, Type};
use tepui_types::FrameworkId;

use super::{Encoding, encode, response};
use crate::role::Quantities;
use crate::view::View;

impl View {
    /// Answers `GET_ROLES`.
    pub fn get_roles(&self, encoding: Encoding) -> Vec<u8> {
        let roles = self.roles_by_name().into_iter().map(|(name, role)| v1::Role {
            name,
            weight: 1.0,
            frameworks: role.frameworks.iter().map(FrameworkId::to_proto).collect(),
            resources: scalars(&role.taken()),
        });
        let mut answer = response(Type::GetRoles);
        answer.get_roles = Some(GetRoles { roles: roles.collect() });
        encode(encoding, &answer)
    }
}

fn scalars(quantities: &Quantities) -> Vec<v1::Resource> {
    let scalar = |(name, value): (&String, &tepui_types::Scalar)| v1::Resource {
        name: name.clone(),
        r#type: v1::value::Type::Scalar as i32,
        scalar: Some(value.to_proto()),
        ..Default::default()
    };
    quantities.iter().map(scalar).collect()
}
