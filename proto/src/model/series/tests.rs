use std::collections::BTreeMap;

use proptest::prelude::*;

use super::Labels;

#[test]
fn labels_are_sorted_and_of_a_repeated_name_the_last_counts() {
    let labels = Labels::new([("b", "1"), ("a", "2:3"), ("b", "")]);
    assert_eq!(labels.iter().collect::<Vec<_>>(), [("a", "2:3"), ("b", "")]);
    assert_eq!((labels.get("a"), labels.get("b"), labels.get("c")), (Some("2:3"), Some(""), None));
    assert!(Labels::new(Vec::<(&str, &str)>::new()).is_empty());
    assert_eq!(Labels::new(Vec::<(&str, &str)>::new()), Labels::none());
}

fn pairs() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map(any::<String>(), any::<String>(), 0..5)
}

proptest! {
    #[test]
    fn labels_are_what_they_were_made_of_and_compare_as_it_does(a in pairs(), b in pairs()) {
        let (left, right) = (Labels::new(a.clone()), Labels::new(b.clone()));
        let read: BTreeMap<String, String> =
            left.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        prop_assert_eq!(&read, &a);
        prop_assert_eq!(left == right, a == b);
        prop_assert_eq!(left.cmp(&right), a.iter().cmp(b.iter()));
    }
}
