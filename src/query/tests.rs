use super::Query;
use crate::error::ErrorKind;

#[test]
fn selects_as_it_stands() {
    let document = r#" { "b":1.50, "a" : {"x": 1E5, "k" :[ 1 ,2,[3 , null]] } , "n":null, "a.b":[[{"i":[1]},null],[],{"i":[[2],3]}],
        "\u0063":{"c":1,"c":"last"}, "B": -0 }"#;
    for (query, wanted) in [
        ("b", Some("1.50")),
        ("B", Some("-0")),
        ("a.k", Some("[ 1 ,2,[3 , null]]")),
        ("a.k[0]", Some("1")),
        ("a.k[-1]", Some("[3 , null]")),
        ("a.k[-3]", Some("1")),
        ("a.k[-4]", None),
        ("a.k[3]", None),
        ("a.k[-0]", Some("1")),
        ("a.k[00000000000000000000000000000001]", Some("2")),
        ("a.k[99999999999999999999999999999999]", None),
        ("a.k[-99999999999999999999999999999999]", None),
        ("a.k[2][1]", None),
        ("a.k[2][*]", Some("[3]")),
        ("a.k[*]", Some("[1,2,[3 , null]]")),
        ("a.k[*][0]", Some("[3]")),
        ("a.k[]", Some("[1,2,3]")),
        ("a [ * ]", None),
        ("n", None),
        ("n[]", None),
        ("b.c", None),
        ("\"a.b\"[].i", Some("[[1],[[2],3]]")),
        ("\"a.b\"[].i[]", Some("[1,[2],3]")),
        ("\"a.b\"[].i[][]", Some("[1,2,3]")),
        ("\"a.b\"[*].i[]", Some("[[2],3]")),
        ("\"a.b\"[*][*].i[][][0]", Some("[]")),
        ("\"a.b\"[*][*].i[][0]", Some("[1]")),
        ("\"\\u0061.b\"[2]\n.i", Some("[[2],3]")),
        ("c.c", Some("\"last\"")),
        ("a[*]", None),
    ] {
        let selected = Query::parse(query).expect(query).select(document).unwrap();
        assert_eq!(selected.as_deref(), wanted, "{query}");
    }
    assert_eq!(Query::whole().select(document).unwrap().as_deref(), Some(document.trim()));
}

#[test]
fn at_the_root() {
    for (query, document, wanted) in [
        ("[0]", "[7]", Some("7")),
        ("[*].b", r#"[{"b":1},{"b":null},2]"#, Some("[1]")),
        ("[]", "[[1],[[2]]]", Some("[1,[2]]")),
        ("[]", "{}", None),
        ("\"\"", r#"{"":1}"#, Some("1")),
        ("a", r#"{"a":1,"a":null}"#, None),
        ("a.b", r#"{"a":{"b":1},"a":{}}"#, None),
        ("\"\u{fffd}\"", r#"{"\ud800":1}"#, None),
        ("\"\\ud83d\\ude00\"", "{\"\u{1f600}\":1}", Some("1")),
        (r#""\\u0061""#, r#"{"\u0061":1}"#, None),
        (r#""\\u0061""#, r#"{"\\u0061":1}"#, Some("1")),
    ] {
        let selected = Query::parse(query).expect(query).select(document).unwrap();
        assert_eq!(selected.as_deref(), wanted, "{query}");
    }
}

#[test]
fn anything_else_is_refused_by_name() {
    for (query, at, what) in [
        ("", 1, "a name is missing"),
        ("a.", 3, "a name is missing"),
        ("a..b", 3, "a name is missing"),
        ("a[?b=='c']", 3, "filters"),
        ("length(a)", 7, "functions"),
        ("a[0:2]", 4, "slices"),
        ("a[:2]", 3, "slices"),
        ("a.[b]", 3, "multi-selects"),
        ("[a,b]", 2, "multi-selects"),
        ("a.{b:c}", 3, "multi-selects"),
        ("a[*.b]", 4, "multi-selects"),
        ("ä", 1, "double quotes"),
        ("a | b", 3, "pipes"),
        ("a || b", 3, "logical"),
        ("!a", 1, "logical"),
        ("a == b", 3, "comparisons"),
        ("`1`", 1, "literals"),
        ("'a'", 1, "literals"),
        ("@", 1, "current node"),
        ("a.*", 3, "wildcards over objects"),
        ("&a", 1, "expression references"),
        ("$", 1, "root node"),
        ("a-b", 2, "double quotes"),
        ("a.0", 3, "double quotes"),
        ("a b", 3, "cannot stand here"),
        ("a[]b", 4, "cannot stand here"),
        ("a[", 3, "closing bracket"),
        ("a[0", 4, "closing bracket"),
        ("a[ ]", 4, "index is missing"),
        ("a[- 1]", 3, "index is missing"),
        ("\"a", 3, "does not end"),
        ("\"é\".\"\\ud800\"", 5, "surrogate"),
        ("e.\"\\ud800\"", 3, "surrogate"),
        (&"[]".repeat(65), 129, "64 steps"),
    ] {
        let error = Query::parse(query).expect_err(query);
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let text = error.to_string();
        assert!(text.contains(what) && text.contains(&format!("character {at}:")), "{query}: {text}");
    }
}

#[test]
fn what_is_no_json_is_refused_wherever_it_stands() {
    for document in
        ["", "{\"a\":1", "{\"a\":1,\"b\":tru}", "{\"a\":[1,]}", "{\"a\":1} x", "[{\"a\":01}]", "{\"a\":\"\\x\"}"]
    {
        for query in ["a", "[0]", "[-1]", "[*]", "[]", "a[].a[].a"] {
            let error = Query::parse(query).unwrap().select(document).expect_err(document);
            assert_eq!(error.kind(), ErrorKind::BadAnswer);
        }
    }
}

#[test]
fn items_can_be_streamed() {
    for (query, wanted) in [
        ("value[*]", true),
        ("value[].a[0]", true),
        ("\"value\" [*].a[]", true),
        ("value", false),
        ("value[0]", false),
        ("Value[*]", false),
        ("a.value[*]", false),
        ("[*]", false),
    ] {
        assert_eq!(Query::parse(query).unwrap().is_over_items(), wanted, "{query}");
    }
}
