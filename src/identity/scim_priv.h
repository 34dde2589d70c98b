/*
 * scim_priv.h - paths of attributes, for the files of scim.h.
 */
#pragma once

#include "identity/scim.h"

struct scim_path {
    enum scim_attribute attribute;
    struct str condition; /* between the brackets; ptr NULL: there are none */
};

/* "userName", "name.givenName", "emails[type eq \"work\"].value", "members[value eq \"u1\"]", all
 * with or without the URN of the schema. ERR_INVALID (invalidPath): no path at all. */
enum err_code scim_path_parse(struct str text, struct scim_path *ret_path,
                              struct scim_fault *fault) MUST_CHECK;
/* As part of an object whose attribute is `parent`; all that is not kept is SCIM_ATTRIBUTE_NONE. */
enum scim_attribute scim_attribute_of(struct str parent, struct str name);

/* One `attribute eq value` at the beginning of *text, which is cut. */
enum err_code scim_clause_parse(struct str *text, struct arena *arena,
                                struct scim_clause *ret_clause,
                                struct scim_fault *fault) MUST_CHECK;

/* ERR_INVALID, with the fault set. */
enum err_code scim_refuse(struct scim_fault *fault, const char *type, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
