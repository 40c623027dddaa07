//! The shape of a JSON text: its keys in their order and the types of their values.

use std::iter::Peekable;
use std::str::Chars;

/// The type of a value, with what is within.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    Null,
    Bool,
    /// A number with a fraction.
    Float(f64),
    /// A number without one.
    Integer(f64),
    Text(String),
    List(Vec<Shape>),
    Object(Vec<(String, Shape)>),
}

impl Shape {
    pub(crate) fn parse(text: &str) -> Self {
        let mut rest = text.chars().peekable();
        let shape = value(&mut rest);
        assert_eq!(rest.next(), None, "something follows the JSON");
        shape
    }

    /// The value at a path of keys and indices.
    pub(crate) fn at(&self, path: &str) -> &Shape {
        path.split('.').fold(self, |shape, step| match shape {
            Shape::Object(fields) => {
                let field = fields.iter().find(|(name, _)| name == step);
                &field.unwrap_or_else(|| panic!("no `{step}` of `{path}` in {:?}", shape.keys())).1
            }
            Shape::List(elements) => &elements[step.parse::<usize>().unwrap()],
            Shape::Null | Shape::Bool | Shape::Float(_) | Shape::Integer(_) | Shape::Text(_) => {
                panic!("no `{step}` of `{path}` in {shape:?}")
            }
        })
    }

    /// The keys of an object, in their order.
    pub(crate) fn keys(&self) -> Vec<&str> {
        self.fields().iter().map(|(name, _)| name.as_str()).collect()
    }

    /// The keys of an object with the kinds of their values.
    pub(crate) fn kinds(&self) -> Vec<(&str, &'static str)> {
        self.fields().iter().map(|(name, shape)| (name.as_str(), shape.kind())).collect()
    }

    fn fields(&self) -> &[(String, Shape)] {
        if let Shape::Object(fields) = self { fields } else { panic!("no object: {self:?}") }
    }

    fn kind(&self) -> &'static str {
        match self {
            Shape::Null => "null",
            Shape::Bool => "bool",
            Shape::Float(_) => "float",
            Shape::Integer(_) => "integer",
            Shape::Text(_) => "text",
            Shape::List(_) => "list",
            Shape::Object(_) => "object",
        }
    }
}

fn value(rest: &mut Peekable<Chars<'_>>) -> Shape {
    match rest.peek().copied().expect("a value") {
        '{' => {
            let fields = sequence(rest, '}', |rest| {
                let name = text(rest);
                assert_eq!(rest.next(), Some(':'));
                (name, value(rest))
            });
            Shape::Object(fields)
        }
        '[' => Shape::List(sequence(rest, ']', value)),
        '"' => Shape::Text(text(rest)),
        't' | 'f' | 'n' => word(rest),
        _ => number(rest),
    }
}

fn sequence<T>(
    rest: &mut Peekable<Chars<'_>>,
    end: char,
    mut element: impl FnMut(&mut Peekable<Chars<'_>>) -> T,
) -> Vec<T> {
    rest.next();
    let mut elements = Vec::new();
    if rest.next_if_eq(&end).is_some() {
        return elements;
    }
    loop {
        elements.push(element(rest));
        match rest.next() {
            Some(',') => {}
            Some(next) if next == end => return elements,
            other => panic!("expected `,` or `{end}`, got {other:?}"),
        }
    }
}

fn text(rest: &mut Peekable<Chars<'_>>) -> String {
    assert_eq!(rest.next(), Some('"'));
    let mut text = String::new();
    loop {
        match rest.next().expect("the end of a string") {
            '"' => return text,
            '\\' => {
                text.push('\\');
                text.push(rest.next().unwrap());
            }
            plain => text.push(plain),
        }
    }
}

fn word(rest: &mut Peekable<Chars<'_>>) -> Shape {
    let mut word = String::new();
    while let Some(letter) = rest.next_if(char::is_ascii_alphabetic) {
        word.push(letter);
    }
    match word.as_str() {
        "true" | "false" => Shape::Bool,
        "null" => Shape::Null,
        _ => panic!("no JSON: {word}"),
    }
}

fn number(rest: &mut Peekable<Chars<'_>>) -> Shape {
    let mut number = String::new();
    while let Some(digit) = rest.next_if(|c| c.is_ascii_digit() || "+-.eE".contains(*c)) {
        number.push(digit);
    }
    let value = number.parse().unwrap();
    if number.contains('.') { Shape::Float(value) } else { Shape::Integer(value) }
}
