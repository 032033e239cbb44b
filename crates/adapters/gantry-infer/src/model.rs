//! What a model names beside itself.
//!
//! ONNX lets a tensor lie in another file. The engine would look for that file in the working directory of whoever
//! loads the model: other weights under the same digest of the package, or none. So such a model is refused.
//!
//! The model is walked as protocol buffers, by the field numbers of `onnx.proto`; what is not one is left to the engine
//! to refuse.

/// How deep graphs may lie in graphs.
const DEPTH_MAX: usize = 16;

/// A message that may hold tensors somewhere.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    SparseTensor,
    Function,
    Tensor,
}

impl Message {
    /// What a field of it holds, if that may hold tensors.
    const fn field(self, number: u64) -> Option<Self> {
        Some(match (self, number) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) => Self::Graph,
            (Self::Model, 25) => Self::Function,
            (Self::Graph, 1) | (Self::Function, 7) => Self::Node,
            (Self::Node, 5) => Self::Attribute,
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) | (Self::SparseTensor, 1 | 2) => Self::Tensor,
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Self::SparseTensor,
            _ => return None,
        })
    }
}

/// Whether a tensor of the model lies in another file.
pub(crate) fn names_other_files(model: &[u8]) -> bool {
    walk(model, Message::Model, 0)
}

fn walk(mut bytes: &[u8], message: Message, depth: usize) -> bool {
    while let Some((number, value)) = field(&mut bytes) {
        let found = match (message, number, &value) {
            // Where the data lies: 1 is elsewhere. `external_data` says where.
            (Message::Tensor, 14, Value::Number(location)) => *location != 0,
            (Message::Tensor, 13, Value::Bytes(_)) => true,
            (_, _, Value::Bytes(inner)) => match message.field(number) {
                // What lies deeper than anybody writes is taken for the worst.
                Some(inner_message) => DEPTH_MAX < depth || walk(inner, inner_message, depth + 1),
                None => false,
            },
            (_, _, Value::Number(_)) => false,
        };
        if found {
            return true;
        }
    }
    false
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The next field: its number and value; nothing at the end, or where it is no protocol buffer.
fn field<'a>(bytes: &mut &'a [u8]) -> Option<(u64, Value<'a>)> {
    let key = varint(bytes)?;
    let value = match key & 7 {
        0 => Value::Number(varint(bytes)?),
        1 => Value::Bytes(take(bytes, 8)?),
        2 => {
            let length = usize::try_from(varint(bytes)?).ok()?;
            Value::Bytes(take(bytes, length)?)
        }
        5 => Value::Bytes(take(bytes, 4)?),
        _ => return None,
    };
    Some((key >> 3, value))
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7F) << shift;
        if *byte < 0x80 {
            return Some(value);
        }
    }
    None
}
