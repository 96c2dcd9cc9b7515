use proptest::prelude::*;

use super::*;

const LATE: Duration = Duration::from_secs(1_000);

fn push(queue: &mut FairQueue<u32>, item: u32, priority: Priority, owner: &str) {
    queue.push(item, priority, &owner.into(), LATE).unwrap();
}

fn all(queue: &mut FairQueue<u32>) -> Vec<u32> {
    std::iter::from_fn(|| queue.pop(Duration::ZERO, |_| true)).collect()
}

#[test]
fn owners_take_turns() {
    let mut queue = FairQueue::default();
    for item in 0..4 {
        push(&mut queue, item, Priority::Scheduled, "greedy");
    }
    push(&mut queue, 10, Priority::Scheduled, "modest");
    push(&mut queue, 20, Priority::Scheduled, "third");
    assert_eq!(all(&mut queue), [0, 10, 20, 1, 2, 3]);
}

#[test]
fn people_go_before_schedules_which_never_starve() {
    let mut queue = FairQueue::default();
    for item in 0..20 {
        push(&mut queue, item, Priority::Interactive, "ann");
    }
    push(&mut queue, 100, Priority::Scheduled, "sales");
    push(&mut queue, 101, Priority::Scheduled, "sales");
    let order = all(&mut queue);
    assert_eq!(order[..9], [0, 1, 2, 3, 4, 5, 6, 7, 100]);
    assert_eq!(order[17], 101);
    assert_eq!(order.len(), 22);
}

#[test]
fn whoever_is_too_late_or_gone_does_not_go() {
    let mut queue = FairQueue::default();
    let owner: Arc<str> = "ann".into();
    let second = Duration::from_secs(1);
    queue.push(1, Priority::Scheduled, &owner, second).unwrap();
    queue.push(2, Priority::Scheduled, &owner, second * 3).unwrap();
    queue.push(3, Priority::Scheduled, &owner, second * 3).unwrap();
    assert_eq!(queue.pop(second * 2, |item| *item != 2), Some(3));
    assert!(queue.is_empty());
}

#[test]
fn whoever_has_given_up_takes_no_room() {
    let mut queue = FairQueue::default();
    for item in 0..100 {
        push(&mut queue, item, Priority::Scheduled, &format!("owner-{}", item % 7));
    }
    queue.prune(Duration::ZERO, |item| item % 10 == 0);
    assert_eq!(queue.len(), 10);
    queue.prune(LATE, |_| true);
    assert!(queue.is_empty() && all(&mut queue).is_empty());
}

#[test]
fn a_full_queue_says_so() {
    let mut queue = FairQueue::default();
    for item in 0..WAITING_MAX as u32 {
        push(&mut queue, item, Priority::Scheduled, "ann");
    }
    assert_eq!(queue.push(7, Priority::Interactive, &"bob".into(), LATE), Err(7));
}

proptest! {
    #[test]
    fn everyone_goes_once_and_each_owner_in_order(
        items in proptest::collection::vec((0u8..4, any::<bool>()), 0..100),
    ) {
        let mut queue = FairQueue::default();
        for (index, (owner, interactive)) in items.iter().enumerate() {
            let priority =
                if *interactive { Priority::Interactive } else { Priority::Scheduled };
            push(&mut queue, index as u32, priority, &owner.to_string());
        }
        prop_assert_eq!(queue.len(), items.len());
        let order = all(&mut queue);
        prop_assert_eq!(queue.len(), 0);
        prop_assert_eq!(order.len(), items.len());
        for line in 0..8u8 {
            let of_line = |item: &&u32| items[**item as usize] == (line / 2, line % 2 == 0);
            let mine: Vec<_> = order.iter().filter(of_line).collect();
            prop_assert!(mine.is_sorted());
        }
    }
}
