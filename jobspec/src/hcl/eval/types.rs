//! Types of variables: `list(object({ port = number, name = optional(string, "http") }))`.

use std::fmt;

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, FuncCall, ObjectKey};

use crate::diagnostic::{Span, nearest};
use crate::hcl::value::{Val, unify};

/// The type a value is converted to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Type {
    Any,
    /// A list whose elements stay as they are; inferred only.
    AnyList,
    /// A map whose values stay as they are; inferred only.
    AnyMap,
    Text,
    Number,
    Bool,
    List(Box<Type>),
    Set(Box<Type>),
    Map(Box<Type>),
    Object(Vec<Field>),
    Tuple(Vec<Type>),
}

/// An attribute of an object type.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    name: String,
    kind: Type,
    /// What an absent attribute becomes; None if it must not be absent.
    default: Option<Val>,
}

/// Why an expression is no type.
pub(super) struct NoType {
    pub span: Option<Span>,
    pub message: String,
    pub help: Option<String>,
}

impl NoType {
    fn new(expression: &Expression, message: impl Into<String>) -> Self {
        Self { span: expression.span(), message: message.into(), help: None }
    }
}

/// Why a value cannot be converted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// Which part of the value, outermost first.
    pub path: Vec<Step>,
    /// Why: `must be a number, not a list`.
    pub message: String,
}

/// One step into a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Index(usize),
    Key(String),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Key(key) if key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') => {
                write!(f, ".{key}")
            }
            Self::Key(key) => write!(f, "[{key:?}]"),
        }
    }
}

impl Mismatch {
    fn new(message: impl Into<String>) -> Self {
        Self { path: Vec::new(), message: message.into() }
    }

    fn below(mut self, step: Step) -> Self {
        self.path.insert(0, step);
        self
    }

    /// Writes the path as an expression would: `.ports[2]`.
    pub fn path(&self) -> String {
        self.path.iter().map(Step::to_string).collect()
    }
}

/// The types that are a single word.
const WORDS: [&str; 4] = ["any", "bool", "number", "string"];

/// The types that hold others.
const CONSTRUCTORS: [&str; 5] = ["list", "map", "object", "set", "tuple"];

/// Reads a type; `default` evaluates the defaults of optional attributes.
pub(super) fn read(
    expression: &Expression,
    default: &mut dyn FnMut(&Expression) -> Option<Val>,
) -> Result<Type, NoType> {
    match expression {
        Expression::Variable(name) => match name.as_str() {
            "any" => Ok(Type::Any),
            "bool" => Ok(Type::Bool),
            "number" => Ok(Type::Number),
            "string" => Ok(Type::Text),
            // Without an argument, as it was written before types had one.
            "list" => Ok(Type::List(Box::new(Type::Any))),
            "map" => Ok(Type::Map(Box::new(Type::Any))),
            other => Err(unknown(expression, other)),
        },
        Expression::Parenthesis(inner) => read(inner.inner(), default),
        Expression::FuncCall(call) => constructed(expression, call, default),
        Expression::String(text) => {
            let mut wrong = NoType::new(expression, "a type is written without quotes");
            wrong.help = Some(format!("write {}", text.value()));
            Err(wrong)
        }
        _ => {
            let mut wrong = NoType::new(expression, "this is no type");
            wrong.help = Some("types are string, number, bool, any, list(...), set(...), map(...), object({...}), tuple([...])".to_owned());
            Err(wrong)
        }
    }
}

fn unknown(expression: &Expression, name: &str) -> NoType {
    let mut wrong = NoType::new(expression, format!("unknown type {name:?}"));
    let known = WORDS.iter().chain(&CONSTRUCTORS).copied();
    wrong.help = match (name, nearest(name, known)) {
        ("object", _) => Some("write object({ name = type, ... })".to_owned()),
        ("tuple", _) => Some("write tuple([type, ...])".to_owned()),
        ("set", _) => Some("write set(type)".to_owned()),
        ("int" | "integer" | "float", _) => Some("did you mean number?".to_owned()),
        (_, Some(near)) => Some(format!("did you mean {near}?")),
        _ => Some(
            "types are string, number, bool, any, list(...), set(...), map(...), object({...}), tuple([...])"
                .to_owned(),
        ),
    };
    wrong
}

fn constructed(
    expression: &Expression,
    call: &FuncCall,
    default: &mut dyn FnMut(&Expression) -> Option<Val>,
) -> Result<Type, NoType> {
    let name = call.name.name.as_str();
    if !CONSTRUCTORS.contains(&name) || call.name.is_namespaced() {
        if name == "optional" {
            return Err(NoType::new(
                expression,
                "optional(...) stands for an attribute of object({...}) only",
            ));
        }
        return Err(unknown(expression, name));
    }
    let [argument] = call.args.iter().collect::<Vec<_>>()[..] else {
        return Err(NoType::new(expression, format!("the type {name}(...) takes one argument")));
    };
    match (name, argument) {
        ("list", inner) => Ok(Type::List(Box::new(read(inner, default)?))),
        ("set", inner) => Ok(Type::Set(Box::new(read(inner, default)?))),
        ("map", inner) => Ok(Type::Map(Box::new(read(inner, default)?))),
        ("tuple", Expression::Array(array)) => {
            Ok(Type::Tuple(array.iter().map(|item| read(item, default)).collect::<Result<_, _>>()?))
        }
        ("object", Expression::Object(object)) => {
            let mut fields: Vec<Field> = Vec::new();
            for (key, value) in object.iter() {
                let name = match key {
                    ObjectKey::Ident(name) => name.as_str().to_owned(),
                    ObjectKey::Expression(Expression::String(text)) => text.value().clone(),
                    ObjectKey::Expression(other) => {
                        return Err(NoType::new(other, "the attributes of an object type are names"));
                    }
                };
                fields.push(field(name, value.expr(), default)?);
            }
            Ok(Type::Object(fields))
        }
        ("tuple", other) => Err(NoType::new(other, "tuple takes a list of types: tuple([string, number])")),
        (_, other) => Err(NoType::new(other, "object takes a map of types: object({ name = string })")),
    }
}

fn field(
    name: String,
    expression: &Expression,
    default: &mut dyn FnMut(&Expression) -> Option<Val>,
) -> Result<Field, NoType> {
    let Expression::FuncCall(call) = expression else {
        return Ok(Field { name, kind: read(expression, default)?, default: None });
    };
    if call.name.name.as_str() != "optional" {
        return Ok(Field { name, kind: read(expression, default)?, default: None });
    }
    let arguments: Vec<&Expression> = call.args.iter().collect();
    match arguments[..] {
        [kind] => Ok(Field { name, kind: read(kind, default)?, default: Some(Val::Null) }),
        [kind, value] => {
            let kind = read(kind, default)?;
            let given = default(value).unwrap_or(Val::Null);
            let given = kind.convert(given).map_err(|mismatch| {
                NoType::new(value, format!("the default{} {}", mismatch.path(), mismatch.message))
            })?;
            Ok(Field { name, kind, default: Some(given) })
        }
        _ => Err(NoType::new(expression, "optional(...) takes a type, and a default if there is one")),
    }
}

impl Type {
    /// Returns the type that a variable without one takes from its default.
    pub fn of(value: &Val) -> Self {
        match value {
            Val::Null => Self::Any,
            Val::Bool(_) => Self::Bool,
            Val::Number(_) => Self::Number,
            Val::Text(_) => Self::Text,
            Val::List(_) | Val::Set(_) => Self::AnyList,
            Val::Map(_) => Self::AnyMap,
        }
    }

    /// Tells whether a value for it may be given as plain text: anything but lists and maps.
    pub fn is_plain(&self) -> bool {
        matches!(self, Self::Any | Self::Text | Self::Number | Self::Bool)
    }

    fn describe(&self) -> String {
        match self {
            Self::Any => "anything".to_owned(),
            Self::Text => "a text".to_owned(),
            Self::Number => "a number".to_owned(),
            Self::Bool => "true or false".to_owned(),
            Self::List(_) | Self::AnyList => "a list".to_owned(),
            Self::Set(_) => "a set".to_owned(),
            Self::Map(_) | Self::AnyMap => "a map".to_owned(),
            Self::Object(fields) => {
                let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
                format!("an object with {}", names.join(", "))
            }
            Self::Tuple(types) => format!("a list of {} elements", types.len()),
        }
    }

    fn mismatch(&self, value: &Val) -> Mismatch {
        let found = match value {
            Val::Text(text) if matches!(self, Self::Number | Self::Bool) => {
                let shown: String = text.chars().take(40).collect();
                format!("the text {shown:?}")
            }
            other => other.describe().to_owned(),
        };
        Mismatch::new(format!("must be {}, not {found}", self.describe()))
    }

    /// Converts a value to the type, as HCL does: `null` suits every type.
    pub fn convert(&self, value: Val) -> Result<Val, Mismatch> {
        match (self, value) {
            (_, Val::Null) => Ok(Val::Null),
            (Self::Any, value)
            | (Self::AnyList, value @ (Val::List(_) | Val::Set(_)))
            | (Self::AnyMap, value @ Val::Map(_)) => Ok(value),
            (Self::Text, value) => value.to_text().map(Val::Text).ok_or_else(|| self.mismatch(&value)),
            (Self::Number, value) => value.to_number().map(Val::Number).ok_or_else(|| self.mismatch(&value)),
            (Self::Bool, value) => value.to_bool().map(Val::Bool).ok_or_else(|| self.mismatch(&value)),
            (Self::List(inner), Val::List(values) | Val::Set(values)) => {
                inner.elements(values).map(Val::List)
            }
            (Self::Set(inner), Val::List(values) | Val::Set(values)) => inner.elements(values).map(Val::set),
            (Self::Map(inner), Val::Map(entries)) => {
                let (keys, values): (Vec<String>, Vec<Val>) = entries.into_iter().unzip();
                let values = inner.values(&keys, values)?;
                Ok(Val::map(keys.into_iter().zip(values)))
            }
            (Self::Object(fields), Val::Map(entries)) => object(fields, entries),
            (Self::Tuple(types), Val::List(values) | Val::Set(values)) if types.len() == values.len() => {
                let convert = |(index, (kind, value)): (usize, (&Type, Val))| {
                    kind.convert(value).map_err(|mismatch| mismatch.below(Step::Index(index)))
                };
                Ok(Val::List(types.iter().zip(values).enumerate().map(convert).collect::<Result<_, _>>()?))
            }
            (Self::Tuple(_), Val::List(values) | Val::Set(values)) => {
                Err(Mismatch::new(format!("must be {}, not of {}", self.describe(), values.len())))
            }
            (_, value) => Err(self.mismatch(&value)),
        }
    }

    fn elements(&self, values: Vec<Val>) -> Result<Vec<Val>, Mismatch> {
        if *self == Self::Any {
            return unify(values).ok_or_else(|| Mismatch::new("must have elements of one type"));
        }
        let convert =
            |(index, value)| self.convert(value).map_err(|mismatch| mismatch.below(Step::Index(index)));
        values.into_iter().enumerate().map(convert).collect()
    }

    fn values(&self, keys: &[String], values: Vec<Val>) -> Result<Vec<Val>, Mismatch> {
        if *self == Self::Any {
            return unify(values).ok_or_else(|| Mismatch::new("must have elements of one type"));
        }
        let convert = |(key, value): (&String, Val)| {
            self.convert(value).map_err(|mismatch| mismatch.below(Step::Key(key.clone())))
        };
        keys.iter().zip(values).map(convert).collect()
    }
}

/// Converts to an object: attributes it does not have are dropped, as HCL drops them.
fn object(fields: &[Field], entries: Vec<(String, Val)>) -> Result<Val, Mismatch> {
    let mut entries: std::collections::BTreeMap<String, Val> = entries.into_iter().collect();
    let mut converted = Vec::with_capacity(fields.len());
    for field in fields {
        let value = match (entries.remove(&field.name), &field.default) {
            // A default stands in for null too.
            (None | Some(Val::Null), Some(default)) => default.clone(),
            (Some(value), _) => {
                field.kind.convert(value).map_err(|mismatch| mismatch.below(Step::Key(field.name.clone())))?
            }
            (None, None) => {
                let mut message = format!("has no {:?}", field.name);
                if let Some(near) = nearest(&field.name, entries.keys().map(String::as_str)) {
                    message.push_str(&format!(" ({near:?} is not known)"));
                }
                return Err(Mismatch::new(message));
            }
        };
        converted.push((field.name.clone(), value));
    }
    Ok(Val::map(converted))
}
