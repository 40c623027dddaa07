//! The environments of tasks.

use std::collections::BTreeMap;
use std::ffi::OsString;

use tepui_proto::v1;
use tepui_proto::v1::environment::variable;

/// An environment.
pub(crate) type Variables = BTreeMap<OsString, OsString>;

/// Puts what is asked for over an environment.
///
/// Compat: a secret that nobody resolved is left out.
pub(crate) fn overlay(environment: &mut Variables, asked: Option<&v1::Environment>) {
    for variable in asked.iter().flat_map(|asked| &asked.variables) {
        if variable.r#type() != variable::Type::Secret {
            environment
                .insert(variable.name.clone().into(), variable.value.clone().unwrap_or_default().into());
        }
    }
}
