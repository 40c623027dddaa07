//! Transactions, put together.

use crate::message::{
    Compare, DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, TxnRequest, compare, request_op,
};

/// A transaction being written: compares, what to do if all hold, what to do if not.
#[derive(Clone, Debug, Default)]
pub struct Txn {
    request: TxnRequest,
}

impl Txn {
    /// A transaction that does nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requires that the key was created at this revision; 0: that there is no such key.
    #[must_use]
    pub fn when_created_at(self, key: impl Into<Vec<u8>>, revision: i64) -> Self {
        self.when(key.into(), compare::CompareTarget::Create, compare::TargetUnion::CreateRevision(revision))
    }

    /// Requires that the key was last changed at this revision; 0: that there is no such key.
    #[must_use]
    pub fn when_changed_at(self, key: impl Into<Vec<u8>>, revision: i64) -> Self {
        self.when(key.into(), compare::CompareTarget::Mod, compare::TargetUnion::ModRevision(revision))
    }

    fn when(mut self, key: Vec<u8>, target: compare::CompareTarget, union: compare::TargetUnion) -> Self {
        self.request.compare.push(Compare {
            result: compare::CompareResult::Equal.into(),
            target: target.into(),
            key,
            target_union: Some(union),
        });
        self
    }

    /// Writes a key, if all compares hold; the key goes away with the lease unless that is 0.
    #[must_use]
    pub fn put(mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>, lease: i64) -> Self {
        let put = PutRequest { key: key.into(), value: value.into(), lease };
        self.request.success.push(op(request_op::Request::RequestPut(put)));
        self
    }

    /// Deletes a key, if all compares hold.
    #[must_use]
    pub fn delete(mut self, key: impl Into<Vec<u8>>) -> Self {
        let delete = DeleteRangeRequest { key: key.into(), range_end: Vec::new() };
        self.request.success.push(op(request_op::Request::RequestDeleteRange(delete)));
        self
    }

    /// Reads a key if a compare fails.
    #[must_use]
    pub fn else_get(mut self, key: impl Into<Vec<u8>>) -> Self {
        let range = RangeRequest { key: key.into(), ..Default::default() };
        self.request.failure.push(op(request_op::Request::RequestRange(range)));
        self
    }

    pub(crate) fn into_request(self) -> TxnRequest {
        self.request
    }
}

fn op(request: request_op::Request) -> RequestOp {
    RequestOp { request: Some(request) }
}

/// The end of the range of all keys that begin with `prefix`.
pub fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    // etcd's word for "to the end of all keys".
    vec![0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_is_the_next_key_that_does_not_begin_with_it() {
        assert_eq!(prefix_end(b"a/"), b"a0");
        assert_eq!(prefix_end(b"a\xff"), b"b");
        assert_eq!(prefix_end(b"\xff"), [0]);
    }
}
