/*
 * jwt_bench.c - what it costs to know a caller: CPU microseconds for a token that is new (taken
 * apart, signature, claims, person) and for one that was checked a moment ago.
 *
 * Use: bench_jwt [--json]
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "identity/caller_cache.h"
#include "identity/person.h"

enum { MIN_MS = 300 };

#define NOW INT64_C(1800000000)

/* Made once for this bench, good until 2100. */
static const struct {
    const char *alg;
    const char *keys;
    const char *token;
} samples[] = {
    {"RS256",
     "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"qYZovrBtmwpt105CysZ3xpWzS7UgHv9407cCA01DOGAU8iMgl15QH"
     "RmJ3h4_U-DXfosVEosOTRQB5w4pRD0VeNa_Mc-pDM9lIA2biErlkVP7-l7Z9DSdQ28BGMsIDZzXS_CiH"
     "e9dcisxWnL5P641n4OBkzs_jtP-UyZ9baWDpIjm4gcdP6ETJy7Uq5P_qumzb2HSNnFnBrPDeXCZM3IoO"
     "q4DnwgWiEu94J9c9VMC9HDgq1492vrjzQYhx8GTWIL8iVEzOvpuws3wb0InmI_GnpG9UqtehDCFiaYsO"
     "oNC0CoLL5jzgv9HJJm3BYnab6cyYLNvaFDgsKSPtn5OOlxxkQ\",\"e\":\"AQAB\",\"kid\":\"bench\",\"use"
     "\":\"sig\",\"alg\":\"RS256\"}]}",
     "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJlbmNoIiwidHlwIjoiYXQrand0In0.eyJpc3MiOiJodHRwczov"
     "L2xvZ2luLmV4YW1wbGUuY29tIiwiYXVkIjoiaHR0cHM6Ly9nYXRld2F5LmV4YW1wbGUuY29tIiwic3Vi"
     "IjoiMDB1MWV4YW1wbGUiLCJjbGllbnRfaWQiOiJjbGF1ZGUiLCJpYXQiOjE3OTAwMDAwMDAsImV4cCI6"
     "NDEwMjQ0NDgwMCwianRpIjoiYTFiMmMzIiwiZW1haWwiOiJhbm5AZXhhbXBsZS5jb20iLCJlbWFpbF92"
     "ZXJpZmllZCI6dHJ1ZSwibmFtZSI6IkFubiBFeGFtcGxlIiwiZ3JvdXBzIjpbImRhdGEtYW5hbHlzdHMi"
     "LCJlbmdpbmVlcmluZyJdLCJzY29wZSI6Im9wZW5pZCBlbWFpbCJ9.no4a5KRwkGEDqCqhnWnbXxsUsZT"
     "qb4XMu92jW0HAB1SCb8hvuvpQNGByl0DpEHZrb4wTOYTRDavSN_X-gEv088XZk_yxh3fUb_B_k9cNEhc"
     "-mNFLf1TCK8_as3kXpIzYBnZ7_qEcgFgHlTLKuFwGC21kQgLi37nyKKtwpvG_nlSzBkBaVqyJNXOB5Pq"
     "XXXCEFEwXS_1bdI4nqrZ3QoujgsRjs_-8jMkcP9B9Qx57n1rV42eu6t9W76GHDN4W8ehwxRrWY2TFipn"
     "A2TSyyUSsUf_gxhQGNW1HdGaSFi8067YZ9tqMTBgUVox0-9-GHjGWxNw0XcT-oCN0SAYYAx1BfQ"},
    {"ES256",
     "{\"keys\":[{\"kty\":\"EC\",\"x\":\"tibHCU-46FFuxfD8t1zdTqTFFMqs-5t2KBhqfE0b70w\",\"y\":\"ST5W"
     "ltDz56rlx117mAhGAWXH3QOXd9Z2F-NT-OOs5iQ\",\"crv\":\"P-256\",\"kid\":\"bench\",\"use\":\"sig\""
     ",\"alg\":\"ES256\"}]}",
     "eyJhbGciOiJFUzI1NiIsImtpZCI6ImJlbmNoIiwidHlwIjoiYXQrand0In0.eyJpc3MiOiJodHRwczov"
     "L2xvZ2luLmV4YW1wbGUuY29tIiwiYXVkIjoiaHR0cHM6Ly9nYXRld2F5LmV4YW1wbGUuY29tIiwic3Vi"
     "IjoiMDB1MWV4YW1wbGUiLCJjbGllbnRfaWQiOiJjbGF1ZGUiLCJpYXQiOjE3OTAwMDAwMDAsImV4cCI6"
     "NDEwMjQ0NDgwMCwianRpIjoiYTFiMmMzIiwiZW1haWwiOiJhbm5AZXhhbXBsZS5jb20iLCJlbWFpbF92"
     "ZXJpZmllZCI6dHJ1ZSwibmFtZSI6IkFubiBFeGFtcGxlIiwiZ3JvdXBzIjpbImRhdGEtYW5hbHlzdHMi"
     "LCJlbmdpbmVlcmluZyJdLCJzY29wZSI6Im9wZW5pZCBlbWFpbCJ9.NIYb7EuYKiS62_JxfZDXCMR7SMO"
     "QBjo2M_gH_YThz-xU8dw4hCDieeAqm-ZHHvX7-QDNduRkCsZ75rl4a_9o1g"},
    {"EdDSA",
     "{\"keys\":[{\"crv\":\"Ed25519\",\"x\":\"8TC0twHIGd3yt3Zx-fhf7YOZCiIdrysSU6U3NLUmKpE\",\"kty"
     "\":\"OKP\",\"kid\":\"bench\",\"use\":\"sig\",\"alg\":\"EdDSA\"}]}",
     "eyJhbGciOiJFZERTQSIsImtpZCI6ImJlbmNoIiwidHlwIjoiYXQrand0In0.eyJpc3MiOiJodHRwczov"
     "L2xvZ2luLmV4YW1wbGUuY29tIiwiYXVkIjoiaHR0cHM6Ly9nYXRld2F5LmV4YW1wbGUuY29tIiwic3Vi"
     "IjoiMDB1MWV4YW1wbGUiLCJjbGllbnRfaWQiOiJjbGF1ZGUiLCJpYXQiOjE3OTAwMDAwMDAsImV4cCI6"
     "NDEwMjQ0NDgwMCwianRpIjoiYTFiMmMzIiwiZW1haWwiOiJhbm5AZXhhbXBsZS5jb20iLCJlbWFpbF92"
     "ZXJpZmllZCI6dHJ1ZSwibmFtZSI6IkFubiBFeGFtcGxlIiwiZ3JvdXBzIjpbImRhdGEtYW5hbHlzdHMi"
     "LCJlbmdpbmVlcmluZyJdLCJzY29wZSI6Im9wZW5pZCBlbWFpbCJ9.7cxNv8kRd8NzUlwb3ppU6D0O_Ms"
     "FwMld7kslY17AoxYQwJ6-s2ZfjurnkTDv-pRlAtk9xd-lCc2ZWBD8xOvjAQ"},
};

static const struct str audiences[] = {STR_INIT("https://gateway.example.com")};
static const struct str types[] = {STR_INIT("at+jwt")};
static const struct jwt_expect expectation = {
    .issuer = STR_INIT("https://login.example.com"),
    .audiences = audiences,
    .audience_count = ARRAY_LEN(audiences),
    .types = types,
    .type_count = ARRAY_LEN(types),
    .now = NOW,
    .is_access_token = true,
};
static const struct provider corp = {
    .name = STR_INIT("corp"),
    .issuer = STR_INIT("https://login.example.com"),
    .groups_claim = STR_INIT("groups"),
    .email_claim = STR_INIT("email"),
    .name_claim = STR_INIT("name"),
};

static double cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

struct bench {
    struct jwk_set *keys;
    struct token_table *users;
    struct arena *arena;
    struct caller_cache *cache;
    struct str token;
    struct caller caller;
};

static bool know_new(struct bench *bench)
{
    static const struct identity_rules rules;
    struct jwt jwt;
    struct jwt_claims claims;
    arena_reset(bench->arena);
    return jwt_parse(bench->token, bench->arena, &jwt) == JWT_OK &&
           jwt_verify(&jwt, bench->keys, PKEY_ALG_SET_ALL) == JWT_OK &&
           jwt_judge(&jwt, &expectation, bench->arena, &claims) == JWT_OK &&
           person_of(&rules, &corp, &jwt, &claims, bench->users, bench->arena, &bench->caller) ==
               PERSON_OK;
}

static bool know_again(struct bench *bench)
{
    struct caller caller;
    arena_reset(bench->arena);
    return caller_cache_find(bench->cache, bench->token, NOW * 1000000, bench->arena, &caller);
}

/* CPU microseconds a time; negative: it failed. */
static double measure(struct bench *bench, bool (*run)(struct bench *bench))
{
    size_t count = 0;
    double start = cpu_us();
    double used = 0;
    while (used < MIN_MS * 1000.0) {
        for (size_t i = 0; i < 100; i++)
            if (!run(bench))
                return -1;
        count += 100;
        used = cpu_us() - start;
    }
    return used / (double)count;
}

static void print(bool as_json, const char *alg, double fresh, double again)
{
    if (as_json)
        printf("{\"alg\":\"%s\",\"new_us\":%.2f,\"cached_us\":%.3f}\n", alg, fresh, again);
    else
        printf("%-6s new %6.1f us   cached %6.3f us\n", alg, fresh, again);
}

int main(int argc, char **argv)
{
    const struct token_table_input nobody = {.user_count = 0};
    struct bench bench = {.arena = arena_new(1 << 20), .cache = caller_cache_new()};
    bool as_json = argc > 1 && strcmp(argv[1], "--json") == 0;
    int status = 0;
    if (bench.arena == NULL || bench.cache == NULL ||
        token_table_new(&nobody, &bench.users, NULL) != ERR_OK)
        return 1;
    for (size_t i = 0; i < ARRAY_LEN(samples) && status == 0; i++) {
        bench.token = str_c(samples[i].token);
        if (jwk_set_parse(str_c(samples[i].keys), &bench.keys, NULL) != ERR_OK)
            return 1;
        double fresh = measure(&bench, know_new);
        caller_cache_put(bench.cache, bench.token, &bench.caller);
        double again = measure(&bench, know_again);
        if (fresh < 0 || again < 0)
            status = 1;
        print(as_json, samples[i].alg, fresh, again);
        jwk_set_unref(bench.keys);
    }
    caller_cache_free(bench.cache);
    token_table_free(bench.users);
    arena_free(bench.arena);
    return status;
}
