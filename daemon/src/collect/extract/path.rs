//! Paths into an answer, bounded in what they can make of it.
//!
//! A JSONPath may name the same node many times: `[0,0]` doubles what is found with each step, and
//! a `$` within a filter begins at the root again for each node. Such paths take time and memory
//! out of all proportion to the answer, so they are refused before they are read.

use serde_json_path::JsonPath;

/// How often a path may say `..`: each multiplies what is looked at by the depth of the answer.
const DESCENTS_MAX: usize = 2;

/// How many times one node may be found by lists of selectors such as `['a','b']`: the product of
/// their lengths.
const REPEATS_MAX: usize = 64;

/// The longest path in bytes.
const PATH_BYTES_MAX: usize = 1_024;

/// Reads a path. Where a plain name was meant, that is said.
pub(in crate::collect) fn read_path(path: &str) -> Result<JsonPath, String> {
    if path.len() > PATH_BYTES_MAX {
        return Err(format!("a path has at most {PATH_BYTES_MAX} bytes; name the way shorter"));
    }
    let cost = Cost::of(path);
    if cost.descents > DESCENTS_MAX {
        return Err(format!(
            "{path:?} descends with .. more than {DESCENTS_MAX} times; name the way"
        ));
    }
    if cost.repeats > REPEATS_MAX {
        return Err(format!(
            "{path:?} can find the same value more than {REPEATS_MAX} times; list fewer selectors \
             in brackets"
        ));
    }
    if cost.roots > 1 {
        return Err(format!(
            "{path:?} begins at the root again in a filter; compare with what is below @ only"
        ));
    }
    JsonPath::parse(path).map_err(|error| {
        let hint = if path.starts_with('$') {
            ""
        } else {
            "; a path begins with $, as in $.data[0].amount"
        };
        format!("{path:?} is no JSONPath: {}{hint}", error.message())
    })
}

/// What a path multiplies.
struct Cost {
    descents: usize,
    repeats: usize,
    roots: usize,
}

impl Cost {
    /// Counts in the text; texts within quotes do not count.
    fn of(path: &str) -> Self {
        let mut cost = Self { descents: 0, repeats: 1, roots: 0 };
        let mut quote = None;
        let mut escaped = false;
        let mut before = ' ';
        // Open brackets and parentheses; commas count for the innermost, and for brackets only.
        let mut open: Vec<(char, usize)> = Vec::new();
        for c in path.chars() {
            if let Some(end) = quote {
                if c == end && !escaped {
                    quote = None;
                }
                escaped = c == '\\' && !escaped;
                before = ' ';
                continue;
            }
            match c {
                '\'' | '"' => quote = Some(c),
                '$' => cost.roots += 1,
                '.' if before == '.' => cost.descents += 1,
                '[' | '(' => open.push((c, 1)),
                ',' => open.iter_mut().rev().take(1).for_each(|(_, count)| *count += 1),
                ']' | ')' => {
                    if let Some(('[', count)) = open.pop() {
                        cost.repeats = cost.repeats.saturating_mul(count);
                    }
                }
                _ => {}
            }
            before = c;
        }
        cost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_common_answers_are_read() {
        for path in [
            "$",
            "$.data[-1].id",
            "$..price",
            "$['a,b','c$','d..e..f..g']",
            "$.rows[?@.state == 'open' && match(@.name, 'a,b')].id",
            "$.rows[*]['a','b','c','d']",
            r"$['it\'s, [$..$]']",
        ] {
            assert!(read_path(path).is_ok(), "{path}");
        }
    }

    #[test]
    fn paths_that_multiply_an_answer_are_refused() {
        for (path, word) in [
            (format!("${}", "[0,0]".repeat(40)), "same value"),
            (format!("${}", "[*,*]".repeat(7)), "same value"),
            (format!("$..{}", "[?@[0,0]]".repeat(7)), "same value"),
            ("$[?$[?$[*]]]".to_owned(), "root"),
            ("$..a..b..c".to_owned(), "descends"),
            (format!("$.{}", "a".repeat(PATH_BYTES_MAX)), "bytes"),
        ] {
            let refused = read_path(&path);
            assert!(refused.is_err_and(|sentence| sentence.contains(word)), "{path}");
        }
    }
}
