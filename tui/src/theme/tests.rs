use super::colour::contrast;
use super::*;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn spec(text: &str) -> ThemeSpec {
    toml::from_str(text).unwrap()
}

fn rgb(colour: Option<Color>) -> [u8; 3] {
    match colour {
        Some(Color::Rgb(red, green, blue)) => [red, green, blue],
        other => panic!("{other:?} is not an RGB colour"),
    }
}

const DEPTHS: [ColorDepth; 4] =
    [ColorDepth::Mono, ColorDepth::Ansi16, ColorDepth::Ansi256, ColorDepth::TrueColor];

#[test]
fn shipped_themes_are_valid_and_resolve_without_a_warning() {
    for theme in builtin_names() {
        assert_eq!(builtin(&theme).unwrap().problems(), Vec::new(), "{theme}");
        for depth in DEPTHS {
            let (_, warnings) = Theme::resolve(&theme, &|_| None, depth);
            assert_eq!(warnings, Vec::<String>::new(), "{theme}");
        }
    }
}

#[test]
fn text_states_and_lines_stand_out_from_their_background() {
    for theme in ["dark", "light", "high-contrast", "deuteranopia"] {
        let theme = Theme::shipped(theme, ColorDepth::TrueColor).unwrap();
        let ground = rgb(theme.style(Role::Background).bg);
        let needs = [
            (7.0, vec![Role::Text, Role::Title, Role::Selection, Role::Header]),
            (4.5, vec![Role::Muted, Role::Footer, Role::Key, Role::Accent, Role::Match]),
            (4.5, vec![Role::Ok, Role::Warning, Role::Critical]),
            (3.5, vec![Role::Stale, Role::Unknown, Role::BorderFocus]),
            (3.5, SERIES.to_vec()),
            (1.25, vec![Role::Border]),
        ];
        for (least, roles) in needs {
            for role in roles {
                let style = theme.style(role);
                let behind = style.bg.map_or(ground, |bg| rgb(Some(bg)));
                let found = contrast(rgb(style.fg), behind);
                assert!(found >= least, "{} {role:?}: {found:.2} < {least}", theme.name);
            }
        }
    }
}

#[test]
fn a_monochrome_terminal_gets_no_colour_and_still_tells_what_matters() {
    for theme in builtin_names() {
        let (theme, _) = Theme::resolve(&theme, &|_| None, ColorDepth::Mono);
        for role in Role::ALL {
            assert_eq!((theme.style(role).fg, theme.style(role).bg), (None, None));
        }
        let text = theme.style(Role::Text);
        for role in [Role::Selection, Role::BorderFocus, Role::Critical, Role::Match, Role::Stale] {
            assert_ne!(theme.style(role), text, "{} {role:?}", theme.name);
        }
    }
}

#[test]
fn a_terminal_of_16_colours_gets_only_those_and_selections_stay_visible() {
    for theme in builtin_names() {
        let (theme, _) = Theme::resolve(&theme, &|_| None, ColorDepth::Ansi16);
        for role in Role::ALL {
            let style = theme.style(role);
            for colour in [style.fg, style.bg].into_iter().flatten() {
                assert!(!matches!(colour, Color::Rgb(..) | Color::Indexed(_)), "{colour:?}");
            }
        }
        let (selection, ground) = (theme.style(Role::Selection), theme.style(Role::Background));
        let reversed = selection.add_modifier.contains(Modifier::REVERSED);
        assert!(reversed || selection.bg != ground.bg, "{}", theme.name);
        assert_ne!(
            theme.style(Role::Text).fg,
            Some(Color::Black).filter(|_| theme.variant == Variant::Dark)
        );
    }
}

#[test]
fn the_terminal_theme_uses_nothing_but_the_terminals_own_colours() {
    let theme = Theme::shipped("terminal", ColorDepth::TrueColor).unwrap();
    for role in Role::ALL {
        let style = theme.style(role);
        for colour in [style.fg, style.bg].into_iter().flatten() {
            assert!(!matches!(colour, Color::Rgb(..) | Color::Indexed(_)));
        }
    }
}

#[test]
fn the_nearest_of_256_colours_is_the_one_that_looks_nearest() {
    let cases = [
        ([255, 0, 0], 196),
        ([0, 0, 0], 16),
        ([255, 255, 255], 231),
        ([8, 8, 8], 232),
        ([95, 135, 175], 67),
        ([128, 128, 128], 244),
    ];
    for (rgb, index) in cases {
        assert_eq!(Colour::Rgb(rgb).resolve(ColorDepth::Ansi256), Some(Color::Indexed(index)));
    }
    assert_eq!(Colour::Rgb([250, 10, 10]).resolve(ColorDepth::Ansi16), Some(Color::LightRed));
}

#[test]
fn a_theme_takes_from_its_parent_what_it_leaves_out() {
    let child = "title = 'Child'\ninherits = 'dark'\n[palette]\naccent = '#ff00ff'";
    let lookup = |wanted: &Name| (wanted.as_str() == "child").then(|| spec(child));
    let (theme, warnings) = Theme::resolve(&name("child"), &lookup, ColorDepth::TrueColor);
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(theme.style(Role::BorderFocus).fg, Some(Color::Rgb(255, 0, 255)));
    let dark = Theme::shipped("dark", ColorDepth::TrueColor).unwrap();
    assert_eq!(theme.style(Role::Text), dark.style(Role::Text));
}

#[test]
fn a_circle_of_themes_is_cut_with_a_warning() {
    let lookup = |wanted: &Name| match wanted.as_str() {
        "a" => Some(spec("title = 'A'\ninherits = 'b'\n[role]\ntext = { fg = 'red' }")),
        "b" => Some(spec("title = 'B'\ninherits = 'a'\n[role]\nmuted = { fg = 'blue' }")),
        _ => None,
    };
    let (theme, warnings) = Theme::resolve(&name("a"), &lookup, ColorDepth::Ansi16);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(theme.style(Role::Text).fg, Some(Color::Red));
    assert_eq!(theme.style(Role::Border).fg, Some(Color::Blue), "borders fall back to muted");
}

#[test]
fn what_is_missing_or_wrong_falls_back_with_a_warning() {
    let (theme, warnings) = Theme::resolve(&name("nope"), &|_| None, ColorDepth::TrueColor);
    assert_eq!(warnings.len(), 1);
    let dark = Theme::shipped("dark", ColorDepth::TrueColor).unwrap();
    assert_eq!(theme.style(Role::Text), dark.style(Role::Text));
    let bad = "title = 'Bad'\n[role]\ntext = { fg = 'chartreusse' }";
    let (theme, warnings) =
        Theme::resolve(&name("bad"), &|_| Some(spec(bad)), ColorDepth::TrueColor);
    assert_eq!(theme.style(Role::Text).fg, None);
    assert!(warnings.iter().any(|warning| warning.contains("chartreusse")), "{warnings:?}");
}
