//! A parsed JSON text as a flat list of nodes, in the order in which they stand in the text.

use std::borrow::Cow;

/// A parsed JSON text.
///
/// The nodes of an array are its elements, those of an object are keys and values by turns, each followed by what it
/// contains. Node 0 is the whole.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    pub(super) text: &'a [u8],
    /// The strings that had escapes.
    pub(super) unescaped: Vec<u8>,
    pub(super) nodes: Vec<Node>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Integer(i64),
    Double(f64),
    String(Text),
    /// The nodes up to `end` are inside.
    Array {
        end: u32,
    },
    Object {
        end: u32,
    },
}

/// Where the bytes of a string are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Text {
    pub(super) start: u32,
    pub(super) len: u32,
    pub(super) had_escapes: bool,
}

impl Document<'_> {
    pub(crate) fn node(&self, at: u32) -> Node {
        self.nodes[at as usize]
    }

    pub(crate) fn bytes(&self, text: Text) -> &[u8] {
        let source = if text.had_escapes { &self.unescaped } else { self.text };
        &source[text.start as usize..][..text.len as usize]
    }

    pub(crate) fn lossy(&self, text: Text) -> Cow<'_, str> {
        String::from_utf8_lossy(self.bytes(text))
    }

    /// The nodes directly inside a container at `at` that ends at `end`: elements, or keys and values by turns.
    pub(crate) fn children(&self, at: u32, end: u32) -> impl Iterator<Item = u32> {
        let mut next = at + 1;
        std::iter::from_fn(move || {
            let child = (next < end).then_some(next)?;
            next = self.after(child);
            Some(child)
        })
    }

    /// The members of an object at `at` that ends at `end`: each key, and where its value is.
    pub(crate) fn members(&self, at: u32, end: u32) -> impl Iterator<Item = (&[u8], u32)> {
        let mut next = at + 1;
        std::iter::from_fn(move || {
            let key = match self.nodes.get(next as usize).filter(|_| next < end)? {
                Node::String(text) => self.bytes(*text),
                Node::Null
                | Node::Bool(_)
                | Node::Integer(_)
                | Node::Double(_)
                | Node::Array { .. }
                | Node::Object { .. } => return None,
            };
            let value = next + 1;
            next = self.after(value);
            Some((key, value))
        })
    }

    fn after(&self, at: u32) -> u32 {
        match self.node(at) {
            Node::Array { end } | Node::Object { end } => end,
            Node::Null | Node::Bool(_) | Node::Integer(_) | Node::Double(_) | Node::String(_) => at + 1,
        }
    }
}
