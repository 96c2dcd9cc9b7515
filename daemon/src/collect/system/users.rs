//! Names of users.

use std::collections::HashMap;

/// The most names that are remembered; hosts with more have a directory service anyway.
const USERS_MAX: usize = 65_536;

/// Parses `/etc/passwd` to names by user id. Of several names of one id the first counts.
pub fn parse(text: &str) -> HashMap<u32, String> {
    let mut users = HashMap::new();
    for line in text.lines().take(USERS_MAX) {
        let mut fields = line.split(':');
        let (Some(name), Some(id)) = (fields.next(), fields.nth(1)) else { continue };
        if let Ok(id) = id.parse()
            && !name.is_empty()
        {
            users.entry(id).or_insert_with(|| name.to_owned());
        }
    }
    users
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_of_an_id_counts() {
        let users =
            parse("root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\n\nbad\nwww:x:33:33::/:/x\n");
        assert_eq!(users.get(&0).map(String::as_str), Some("root"));
        assert_eq!(users.get(&33).map(String::as_str), Some("www"));
        assert_eq!(users.len(), 2);
    }
}
