//! Paths into an answer, bounded in what they can make of it.
//!
//! A JSONPath may name the same node many times: `[0,0]` doubles what is found with each step, and
//! a `$` within a filter begins at the root again for each node. A pattern out of the answer is
//! another one for each node. Such paths take time and memory out of all proportion to the answer,
//! so they are refused before they are read.

use serde_json_path::JsonPath;

use super::pattern;

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
    if cost.patterns_found > 0 {
        return Err(format!(
            "{path:?} takes a pattern out of the answer; write out in quotes what match() and \
             search() are to look for"
        ));
    }
    if let Some(problem) = cost.pattern_problem() {
        return Err(format!("{path:?}: {problem}"));
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

/// What a path multiplies, and the patterns that it compares texts with.
struct Cost {
    descents: usize,
    repeats: usize,
    roots: usize,
    /// Literals as they are written, with their quotes.
    patterns: Vec<String>,
    /// Patterns that are not written out but taken from the answer.
    patterns_found: usize,
}

/// An open bracket or parenthesis.
struct Open {
    bracket: char,
    /// Commas count for brackets only.
    selectors: usize,
    pattern: Pattern,
}

/// Whether the next argument of a function is a pattern.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pattern {
    No,
    Second,
    Next,
}

impl Cost {
    /// Counts in the text; texts within quotes do not count.
    fn of(path: &str) -> Self {
        let mut cost =
            Self { descents: 0, repeats: 1, roots: 0, patterns: Vec::new(), patterns_found: 0 };
        let mut open: Vec<Open> = Vec::new();
        let mut word = String::new();
        let mut before = ' ';
        let mut chars = path.chars();
        while let Some(c) = chars.next() {
            let awaited = open.last_mut().filter(|it| it.pattern == Pattern::Next && c != ' ');
            let is_pattern = awaited.map(|it| it.pattern = Pattern::No).is_some();
            if matches!(c, '\'' | '"') {
                let text = quoted(c, &mut chars);
                cost.patterns.extend(is_pattern.then_some(text));
                before = ' ';
                word.clear();
                continue;
            }
            cost.patterns_found += usize::from(is_pattern);
            match c {
                '$' => cost.roots += 1,
                '.' if before == '.' => cost.descents += 1,
                '[' | '(' => {
                    let compares = c == '(' && matches!(word.as_str(), "match" | "search");
                    let pattern = if compares { Pattern::Second } else { Pattern::No };
                    open.push(Open { bracket: c, selectors: 1, pattern });
                }
                ',' => open.iter_mut().rev().take(1).for_each(Open::comma),
                ']' | ')' => {
                    if let Some(Open { bracket: '[', selectors, .. }) = open.pop() {
                        cost.repeats = cost.repeats.saturating_mul(selectors);
                    }
                }
                _ => {}
            }
            if c.is_ascii_alphanumeric() || c == '_' {
                word.push(c);
            } else {
                word.clear();
            }
            before = c;
        }
        cost
    }

    /// What is wrong with a pattern, if anything is.
    fn pattern_problem(&self) -> Option<String> {
        self.patterns.iter().find_map(|literal| {
            // One that is no literal is told of when the path is read.
            pattern::problem(&unquoted(literal)?)
        })
    }
}

impl Open {
    fn comma(&mut self) {
        self.selectors += 1;
        if self.pattern == Pattern::Second {
            self.pattern = Pattern::Next;
        }
    }
}

/// A literal from behind its opening quote on, with both quotes.
fn quoted(quote: char, chars: &mut std::str::Chars<'_>) -> String {
    let mut text = String::from(quote);
    let mut escaped = false;
    for c in chars {
        text.push(c);
        if c == quote && !escaped {
            break;
        }
        escaped = c == '\\' && !escaped;
    }
    text
}

/// What a literal says: the escapes are those of JSON, besides `\'` in single quotes.
fn unquoted(literal: &str) -> Option<String> {
    if literal.starts_with('"') {
        return serde_json::from_str(literal).ok();
    }
    let inner = literal.strip_prefix('\'')?.strip_suffix('\'')?;
    let inner = inner.replace('"', "\\\"").replace("\\'", "'");
    serde_json::from_str(&format!("\"{inner}\"")).ok()
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
            r#"$[?match( @.n , "\\d+" ) && search(@['a,b'], 'it\'s "[x]"')].n"#,
            "$.match[?@.search == 'x'].id",
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
            ("$[?match(@.name, @.pattern)]".to_owned(), "out of the answer"),
            ("$[?@.on == true && !search(@.a[0] , value(@.b))]".to_owned(), "out of the answer"),
            ("$[?match(@.name, '[a')]".to_owned(), "unclosed"),
            ("$[?search(@, 'a{1000}{1000}')]".to_owned(), "too large"),
        ] {
            let refused = read_path(&path);
            assert!(refused.is_err_and(|sentence| sentence.contains(word)), "{path}");
        }
    }
}
