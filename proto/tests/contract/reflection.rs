//! Messages by their descriptors: filled, and written out for people.

use std::fmt::Write as _;
use std::sync::LazyLock;

use ccm_proto::wire::FILE_DESCRIPTOR_SET;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _,
    Value,
};

/// One pool, because types of different pools are different types.
static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap());

/// Every message type of the contract, by name.
pub(crate) fn messages() -> Vec<MessageDescriptor> {
    let mut messages: Vec<MessageDescriptor> = POOL.all_messages().collect();
    messages.retain(|message| message.package_name() == "ccm.v1");
    messages.sort_by(|a, b| a.name().cmp(b.name()));
    messages
}

/// The message with all fields set; several where fields exclude each other.
pub(crate) fn filled(descriptor: &MessageDescriptor) -> Vec<DynamicMessage> {
    let choices = descriptor.oneofs().map(|oneof| oneof.fields().len()).max().unwrap_or(1);
    (0..choices).map(|choice| fill(descriptor, choice)).collect()
}

fn fill(descriptor: &MessageDescriptor, choice: usize) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    for field in descriptor.fields() {
        let is_chosen = field.containing_oneof().is_none_or(|oneof| {
            let mut fields = oneof.fields();
            let count = fields.len();
            fields.position(|other| other == field) == Some(choice % count)
        });
        if is_chosen {
            message.set_field(&field, value(&field));
        }
    }
    message
}

fn value(field: &FieldDescriptor) -> Value {
    if field.is_list() {
        return Value::List((0..2).map(|index| scalar(field, index)).collect());
    }
    scalar(field, 0)
}

/// A value that tells fields and items apart and is nowhere the default.
fn scalar(field: &FieldDescriptor, index: u32) -> Value {
    let number = field.number() * 1_000 + index + 1;
    match field.kind() {
        Kind::Double => Value::F64(f64::from(number) + 0.5),
        Kind::Float => Value::F32(number as f32 + 0.5),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(-(number as i32)),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(i64::from(number) << 33),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(number),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(u64::from(number) << 33),
        Kind::Bool => Value::Bool(true),
        Kind::String => Value::String(format!("{} {number} é", field.name())),
        Kind::Bytes => Value::Bytes((0..16).collect::<Vec<u8>>().into()),
        Kind::Enum(kind) => Value::EnumNumber(kind.values().map(|v| v.number()).max().unwrap()),
        Kind::Message(kind) => Value::Message(fill(&kind, index as usize)),
    }
}

/// What is set in a message, one value a line. Fields that are not set leave no trace, so that
/// the text of an old message stays the same when its type grows.
pub(crate) fn describe(message: &DynamicMessage) -> String {
    let mut out = String::new();
    walk("", message, &mut out);
    out
}

fn walk(path: &str, message: &DynamicMessage, out: &mut String) {
    assert_eq!(message.unknown_fields().count(), 0, "fields that nobody knows in {path}");
    let mut fields: Vec<(FieldDescriptor, &Value)> = message.fields().collect();
    fields.sort_by_key(|(field, _)| field.number());
    for (field, value) in fields {
        let dot = if path.is_empty() { "" } else { "." };
        line(&format!("{path}{dot}{}", field.name()), &field, value, out);
    }
}

fn line(path: &str, field: &FieldDescriptor, value: &Value, out: &mut String) {
    match value {
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                line(&format!("{path}[{index}]"), field, item, out);
            }
        }
        Value::Message(message) => {
            if message.fields().count() == 0 {
                writeln!(out, "{path} = {}", message.descriptor().name()).unwrap();
            }
            walk(path, message, out);
        }
        Value::EnumNumber(number) => {
            let Kind::Enum(kind) = field.kind() else { return };
            let name = kind.get_value(*number).map(|value| value.name().to_owned());
            writeln!(out, "{path} = {} ({number})", name.unwrap_or_default()).unwrap();
        }
        other => writeln!(out, "{path} = {other:?}").unwrap(),
    }
}
