//! What users of the library can name, item by item, and the rule for changing it. The compiler's lints (`unreachable_pub`,
//! `unnameable_types`) see to it that what is `pub` in the source is what users can name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::visit::{self, Visit};
use syn::{Attribute, Fields, ImplItem, Item, Type, UseTree, Visibility};

/// On purpose: `AZMIN_BLESS=1 cargo test --all-features --test all public_api`. Its first line is the version of the last
/// release, set when there is one: what is gone or changed since then needs a version that says so.
const WRITTEN: &str = "tests/data/public-api.txt";
/// Crates whose types may stand in a signature.
const OURS: [&str; 7] = ["alloc", "azmin", "core", "crate", "self", "std", "super"];
const PRELUDE: &str = "AsRef Box Clone Copy Debug Default Drop Eq Err Fn FnMut FnOnce From Hash Into Iterator \
    IntoIterator None Ok Option PartialEq Result Self Send Sized Some String Sync ToString Vec bool char f64 i32 \
    i64 self str u128 u16 u32 u64 u8 usize";
/// Attributes that a user notices.
const NOTICED: [&str; 6] = ["cfg", "deprecated", "derive", "must_use", "non_exhaustive", "repr"];

struct Module {
    path: String,
    items: Vec<Item>,
    /// Where each name in it comes from: the first part of its path.
    names: BTreeMap<String, String>,
}

/// All that is of the library, without its tests and the doors of its fuzz targets.
fn modules() -> Vec<Module> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![source.clone()];
    let mut modules = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name =
                path.strip_prefix(&source).unwrap().with_extension("").to_string_lossy().replace(['/', '\\'], "::");
            let name = name.trim_end_matches("::mod").to_owned();
            if name.split("::").any(|part| matches!(part, "tests" | "fuzz" | "cli" | "main")) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let items = syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap().items;
            modules.push(Module { path: name, names: names(&items), items });
        }
    }
    assert!(modules.len() > 50);
    modules.sort_by(|one, other| one.path.cmp(&other.path));
    modules
}

fn names(items: &[Item]) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    let mut imports = Vec::new();
    for item in items {
        let own = match item {
            Item::Struct(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::Mod(item) => &item.ident,
            Item::Const(item) => &item.ident,
            Item::Use(item) => {
                import(&item.tree, None, &mut imports);
                continue;
            }
            _ => continue,
        };
        names.insert(own.to_string(), "self".to_owned());
    }
    for (name, root) in imports {
        // A path may begin with a module that stands beside it.
        let root = names.get(&root).filter(|_| root != name).cloned().unwrap_or(root);
        names.insert(name, root);
    }
    names
}

fn import(tree: &UseTree, root: Option<&str>, names: &mut Vec<(String, String)>) {
    let first = |ident: &syn::Ident| root.map_or_else(|| ident.to_string(), str::to_owned);
    match tree {
        UseTree::Path(path) => import(&path.tree, Some(&first(&path.ident)), names),
        UseTree::Name(name) => names.push((name.ident.to_string(), first(&name.ident))),
        UseTree::Rename(rename) => names.push((rename.rename.to_string(), first(&rename.ident))),
        UseTree::Group(group) => group.items.iter().for_each(|item| import(item, root, names)),
        _ => {}
    }
}

fn in_prelude(name: &str) -> bool {
    PRELUDE.split_whitespace().any(|known| known == name)
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).any(|attribute| {
        let condition = attribute.meta.require_list().unwrap().tokens.to_string().replace(' ', "");
        condition == "test" || condition.starts_with("all(test,")
    })
}

/// The public items, each as it would stand in an outline.
fn public(modules: &[Module]) -> Vec<(&Module, Item)> {
    let of = |wanted: fn(&Item) -> Option<&syn::Ident>| -> BTreeSet<String> {
        modules.iter().flat_map(|module| &module.items).filter_map(wanted).map(ToString::to_string).collect()
    };
    let types = of(|item| match item {
        Item::Struct(item) if is_public(&item.vis) => Some(&item.ident),
        Item::Enum(item) if is_public(&item.vis) => Some(&item.ident),
        _ => None,
    });
    let private_traits = of(|item| match item {
        Item::Trait(item) if !is_public(&item.vis) => Some(&item.ident),
        _ => None,
    });
    let mut found = Vec::new();
    for module in modules {
        let private = |item: &Item| match item {
            Item::Struct(item) if !is_public(&item.vis) => Some(item.ident.to_string()),
            Item::Enum(item) if !is_public(&item.vis) => Some(item.ident.to_string()),
            _ => None,
        };
        let hidden: BTreeSet<_> = module.items.iter().filter_map(private).collect();
        let types = types.difference(&hidden).cloned().collect();
        for item in module.items.iter().flat_map(|item| outline(item, &types, &private_traits)) {
            found.push((module, item));
        }
    }
    found
}

fn outline(item: &Item, types: &BTreeSet<String>, private_traits: &BTreeSet<String>) -> Vec<Item> {
    let mut item = item.clone();
    match &mut item {
        Item::Struct(it) if is_public(&it.vis) => {
            noticed(&mut it.attrs);
            match &mut it.fields {
                Fields::Named(fields) => {
                    fields.named = fields.named.iter().filter(|field| is_public(&field.vis)).cloned().collect()
                }
                Fields::Unnamed(fields) => {
                    fields.unnamed = fields.unnamed.iter().filter(|field| is_public(&field.vis)).cloned().collect();
                }
                Fields::Unit => {}
            }
            it.fields.iter_mut().for_each(|field| noticed(&mut field.attrs));
        }
        Item::Enum(it) if is_public(&it.vis) => {
            noticed(&mut it.attrs);
            it.variants.iter_mut().for_each(|variant| noticed(&mut variant.attrs));
        }
        Item::Fn(it) if is_public(&it.vis) => {
            noticed(&mut it.attrs);
            it.block.stmts.clear();
        }
        Item::Const(it) if is_public(&it.vis) => noticed(&mut it.attrs),
        Item::Static(it) if is_public(&it.vis) => noticed(&mut it.attrs),
        Item::Type(it) if is_public(&it.vis) => noticed(&mut it.attrs),
        Item::Trait(it) if is_public(&it.vis) => noticed(&mut it.attrs),
        Item::Use(it) if is_public(&it.vis) => noticed(&mut it.attrs),
        Item::Mod(it) if is_public(&it.vis) && it.ident != "fuzz" => {
            assert!(it.content.is_none(), "{} should have a file of its own", it.ident);
            noticed(&mut it.attrs);
        }
        Item::Impl(it) => return outline_of_impl(it, types, private_traits),
        _ => return Vec::new(),
    }
    vec![item]
}

/// An impl of a trait without its functions; what is public in another, each as an impl of its own.
fn outline_of_impl(it: &syn::ItemImpl, types: &BTreeSet<String>, private_traits: &BTreeSet<String>) -> Vec<Item> {
    let mut it = it.clone();
    if is_for_tests(&it.attrs) {
        return Vec::new();
    }
    noticed(&mut it.attrs);
    let items = std::mem::take(&mut it.items);
    if let Some((path, _)) = &it.trait_ {
        let own = matches!(&*it.self_ty, Type::Path(path) if types.contains(&path.path.segments[0].ident.to_string()));
        let private = private_traits.contains(&path.segments.last().unwrap().ident.to_string());
        it.items.extend(items.into_iter().filter(|item| matches!(item, ImplItem::Type(_))));
        return if own && !private { vec![Item::Impl(it)] } else { Vec::new() };
    }
    let outlined = |item| match item {
        ImplItem::Fn(mut function) if is_public(&function.vis) && !is_for_tests(&function.attrs) => {
            noticed(&mut function.attrs);
            function.block.stmts.clear();
            Some(ImplItem::Fn(function))
        }
        ImplItem::Const(mut constant) if is_public(&constant.vis) => {
            noticed(&mut constant.attrs);
            Some(ImplItem::Const(constant))
        }
        _ => None,
    };
    let alone = |item| Item::Impl(syn::ItemImpl { items: vec![item], ..it.clone() });
    items.into_iter().filter_map(outlined).map(alone).collect()
}

fn noticed(attributes: &mut Vec<Attribute>) {
    attributes.retain(|attribute| NOTICED.iter().any(|name| attribute.path().is_ident(name)));
}

fn one_line(item: Item) -> String {
    let text =
        prettyplease::unparse(&syn::File { shebang: None, frontmatter: None, attrs: Vec::new(), items: vec![item] });
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.replace("( ", "(").replace(", )", ")").replace(" {}", "").replace("(mut self", "(self")
}

fn lines() -> BTreeSet<String> {
    let modules = modules();
    let lines = public(&modules).into_iter().map(|(module, item)| format!("{}: {}", module.path, one_line(item)));
    lines.collect()
}

/// Whether a version may lack what an earlier one had (semver, section 4 and 8, and cargo's reading of `0.`).
fn may_break(before: &str, now: &str) -> bool {
    let leading = |version: &str| {
        let mut parts = version.split(['.', '-', '+']).map(|part| part.parse::<u64>().unwrap());
        match (parts.next().unwrap(), parts.next().unwrap()) {
            (0, minor) => (0, minor),
            (major, _) => (major, 0),
        }
    };
    leading(now) > leading(before)
}

#[test]
fn versions_say_what_may_be_gone() {
    for (before, now, expected) in [
        ("0.1.0", "0.1.0", false),
        ("0.1.0", "0.1.1", false),
        ("0.1.9", "0.2.0", true),
        ("0.2.0", "0.1.0", false),
        ("0.9.0", "1.0.0", true),
        ("1.2.0", "1.3.0", false),
        ("1.2.0", "2.0.0", true),
    ] {
        assert_eq!(may_break(before, now), expected, "{before} {now}");
    }
}

#[test]
fn the_public_api_is_the_one_written_down() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(WRITTEN);
    let text = fs::read_to_string(&path).unwrap_or_else(|_| format!("{}\n", env!("CARGO_PKG_VERSION")));
    let (release, written) = text.split_once('\n').unwrap();
    let (found, written): (_, BTreeSet<_>) = (lines(), written.lines().map(str::to_owned).collect());
    let (new, gone): (Vec<_>, Vec<_>) = (found.difference(&written).collect(), written.difference(&found).collect());
    let bump = format!("what {release} has is gone or changed, and the version in Cargo.toml does not say so");
    assert!(gone.is_empty() || may_break(release, env!("CARGO_PKG_VERSION")), "{bump}: {gone:#?}, new: {new:#?}");
    if std::env::var_os("AZMIN_BLESS").is_some() {
        let found: String = found.iter().map(|line| format!("{line}\n")).collect();
        return fs::write(&path, format!("{release}\n{found}")).unwrap();
    }
    let why = "if that is meant, AZMIN_BLESS=1 cargo test --all-features --test all public_api";
    assert!(new.is_empty() && gone.is_empty(), "new: {new:#?}, gone: {gone:#?}; {why}");
}

/// The names in one item's signature.
#[derive(Default)]
struct Names {
    paths: Vec<Vec<String>>,
    /// Of types that the item itself introduces.
    parameters: BTreeSet<String>,
}

impl<'a> Visit<'a> for Names {
    fn visit_path(&mut self, path: &'a syn::Path) {
        self.paths.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_type_param(&mut self, parameter: &'a syn::TypeParam) {
        self.parameters.insert(parameter.ident.to_string());
        visit::visit_type_param(self, parameter);
    }

    fn visit_attribute(&mut self, attribute: &'a Attribute) {
        if attribute.path().is_ident("derive") {
            let list =
                attribute.parse_args_with(syn::punctuated::Punctuated::<syn::Path, syn::Token![,]>::parse_terminated);
            let idents = |path: syn::Path| path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.paths.extend(list.unwrap().into_iter().map(idents));
        }
    }
}

/// A type of another crate in a signature would make that crate's versions part of ours.
#[test]
fn no_signature_names_another_crate() {
    let modules = modules();
    // Names inside the crate for what is not its own.
    let mut aliases = BTreeSet::new();
    for module in &modules {
        let foreign = |root: &String| !OURS.contains(&root.as_str());
        for item in &module.items {
            match item {
                Item::Use(item) if !matches!(item.vis, Visibility::Inherited) => {
                    let mut names = Vec::new();
                    import(&item.tree, None, &mut names);
                    let resolved = names.into_iter().filter(|(name, _)| module.names.get(name).is_some_and(foreign));
                    aliases.extend(resolved.map(|(name, _)| name));
                }
                Item::Type(item) => {
                    let mut names = Names::default();
                    names.visit_type(&item.ty);
                    let roots = names.paths.iter().map(|path| module.names.get(&path[0]).unwrap_or(&path[0]).clone());
                    if roots.filter(|root| !in_prelude(root)).any(|root| foreign(&root)) {
                        aliases.insert(item.ident.to_string());
                    }
                }
                _ => {}
            }
        }
    }
    let mut checked = 0;
    for (module, item) in public(&modules) {
        let mut names = Names::default();
        names.visit_item(&item);
        for path in names.paths.iter().filter(|path| !names.parameters.contains(&path[0])) {
            let name = path.join("::");
            let known = module.names.get(&path[0]).map_or(path[0].as_str(), String::as_str);
            let ours = OURS.contains(&known) || (known == path[0] && in_prelude(known));
            let alias = module.names.contains_key(&path[0]) && aliases.contains(path.last().unwrap());
            assert!(ours && !alias, "{}: {name} of {known} is in {}", module.path, one_line(item.clone()));
            checked += 1;
        }
    }
    assert!(checked > 300, "only {checked} names");
}
