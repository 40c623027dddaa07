//! `/roles`.

use crate::role::{Quantities, Role};
use crate::view::View;
use tepui_model::json::{Object, Text, document};

impl View {
    /// Renders `/roles`.
    pub fn roles(&self) -> Vec<u8> {
        document(|object| {
            object.array("roles", |array| {
                for (name, role) in &self.roles_by_name() {
                    array.object(|object| write_role(object, name, role));
                }
            });
        })
    }
}

fn write_role(object: &mut Object<'_>, name: &str, role: &Role) {
    object.field("name", name);
    object.field("weight", 1.0);
    object.object("quota", |object| {
        object.field("role", name);
        object.object("guarantee", |_| {});
        object.object("limit", |_| {});
        write_quantities(object, "consumed", &role.consumed());
    });
    write_quantities(object, "resources", &role.taken());
    write_quantities(object, "allocated", &role.allocated);
    write_quantities(object, "offered", &role.offered);
    write_quantities(object, "reserved", &role.reserved);
    object.array("frameworks", |array| {
        for id in &role.frameworks {
            array.element(Text(id));
        }
    });
}

fn write_quantities(object: &mut Object<'_>, name: &str, quantities: &Quantities) {
    object.object(name, |object| {
        for (name, quantity) in quantities {
            object.field(name, quantity.as_f64());
        }
    });
}
