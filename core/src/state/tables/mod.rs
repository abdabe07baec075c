//! One resource a file: the map by id, and the indexes by what it belongs to.

pub mod allocs;
pub mod deployments;
pub mod evals;
pub mod jobs;
pub mod nodes;

use std::sync::Arc;

use imbl::OrdMap;

/// Values grouped by an owner, in id order.
pub(super) type Grouped<Owner, Id, T> = OrdMap<Owner, OrdMap<Id, Arc<T>>>;

/// Puts a value into its owner's group.
pub(super) fn insert<Owner, Id, T>(groups: &mut Grouped<Owner, Id, T>, owner: Owner, id: Id, value: Arc<T>)
where
    Owner: Ord + Clone,
    Id: Ord + Clone,
{
    groups.entry(owner).or_default().insert(id, value);
}

/// Returns an owner's values in id order.
pub(super) fn of<'a, Owner, Id, T>(
    groups: &'a Grouped<Owner, Id, T>,
    owner: &Owner,
) -> impl Iterator<Item = &'a Arc<T>> + use<'a, Owner, Id, T>
where
    Owner: Ord,
    Id: Ord,
{
    groups.get(owner).into_iter().flat_map(OrdMap::values)
}
