/*
 * fuzz_verify.c - what the verifier reads of others: records, notes, keys and proofs. The first
 * byte says which. A record that is well formed lies inside of what it came in.
 */
#include "fuzz.h"

#include "../../verify/note.h"
#include "../../verify/proof.h"
#include "../../verify/record.h"

static void read_records(struct bytes rest)
{
    struct record record;

    while (record_read(rest, &record)) {
        require(record.bytes >= RECORD_HEAD_BYTES && record.bytes <= rest.len);
        rest = bytes_part(rest, record.bytes, rest.len - record.bytes);
    }
}

static void read_note(struct bytes text)
{
    static const char vkey[] =
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    struct checkpoint checkpoint;
    struct vkey key;

    require(vkey_read(bytes_of(vkey, sizeof vkey - 1), &key));
    if (checkpoint_read(text, &checkpoint))
        require(checkpoint.origin.len > 0 && checkpoint.origin.len < text.len);
    (void)note_check(text, &key, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = bytes_of(data, size);
    struct vkey key;
    struct proof proof;

    if (size == 0 || !crypto_start())
        return 0;
    text = bytes_part(text, 1, size - 1);
    switch (data[0] % 4) {
    case 0:
        read_records(text);
        break;
    case 1:
        read_note(text);
        break;
    case 2:
        if (vkey_read(text, &key))
            require(key.name[0] != '\0');
        break;
    default:
        if (proof_read(text, &proof))
            require(proof.leaf_len <= LEAF_MAX_BYTES && proof.count <= PROOF_MAX_HASHES);
    }
    return 0;
}
