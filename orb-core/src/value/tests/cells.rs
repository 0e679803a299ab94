// SPDX-License-Identifier: MIT OR Apache-2.0

use std::sync::Arc;

use super::types::{Animal, Dog, Link, animal, dog};
use crate::value::{Value, ValueCell};

#[test]
fn a_clone_is_another_cell_and_a_share_is_the_same() {
    let cell = ValueCell::from(animal("a"));
    let (clone, share) = (cell.clone(), cell.shared());
    cell.set(Some(animal("b")));
    let name = |cell: &ValueCell<Animal>| cell.get().map(|animal| animal.name.clone());
    assert_eq!(name(&clone), Some("a".into()));
    assert_eq!(name(&share), Some("b".into()));
}

#[test]
fn a_weak_reference_does_not_outlive_the_value() {
    let cell = ValueCell::default();
    let value = animal("a");
    cell.set_weak(&value);
    assert_eq!(cell.get(), Some(Arc::clone(&value)));
    drop(value);
    assert_eq!(cell.get(), None);
}

#[test]
fn a_weak_reference_to_a_view_lives_as_long_as_the_value() {
    let rex = dog("rex", None);
    let cell = ValueCell::<Animal>::default();
    cell.set_weak(&Arc::new(Animal::from(Arc::clone(&rex))));
    assert_eq!(cell.get().map(|animal| animal.name.clone()), Some("rex".into()));
    drop(rex);
    assert_eq!(cell.get(), None);
}

#[test]
fn cells_compare_by_value_and_values_of_unknown_type_by_identity() {
    assert_eq!(ValueCell::from(animal("a")), ValueCell::from(animal("a")));
    assert_ne!(ValueCell::from(animal("a")), ValueCell::from(animal("b")));
    assert_ne!(ValueCell::from(animal("a")), ValueCell::default());
    let rex: Arc<dyn Value> = dog("rex", None);
    let twin: Arc<dyn Value> = dog("rex", None);
    assert_eq!(ValueCell::from(Arc::clone(&rex)), ValueCell::from(rex));
    assert_ne!(ValueCell::from(twin), ValueCell::<dyn Value>::from(None));
}

#[test]
fn an_empty_cell_is_shown_as_none() {
    assert_eq!(format!("{:?}", ValueCell::<Dog>::default()), "None");
    let own = Arc::new(Link::default());
    own.next.set_weak(&own);
    assert!(format!("{own:?}").contains('…'));
}
