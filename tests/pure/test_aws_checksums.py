"""The checksums some SDKs verify, by the algorithm in SQS's developer guide."""

import hashlib

from lamppost.local.aws.sqs_messages import attributes_md5


def test_attributes_are_summed_by_name_with_lengths_and_a_mark_for_their_kind() -> None:
    text = {"DataType": "String", "StringValue": "b"}
    raw = {"DataType": "Binary", "BinaryValue": b"\x00"}
    assert attributes_md5({"a": text}) == "bef8bf215374a0a228d67533b1a488be"
    written = b"\0\0\0\1a\0\0\0\6Binary\2\0\0\0\1\0" + b"\0\0\0\1b\0\0\0\6String\1\0\0\0\1b"
    assert attributes_md5({"b": text, "a": raw}) == hashlib.md5(written).hexdigest()


def test_without_attributes_there_is_no_sum() -> None:
    assert attributes_md5({}) is None
