#include "common/finding.h"

static int read_texts(const struct jcur *cur, struct finding_said *out, struct err *err)
{
    struct jcur rule = jcur_get(cur, "rule"), text = jcur_get(cur, "text"), advice = jcur_get(cur, "advice");
    if (jcur_text(&rule, FINDING_RULE_MAX, &out->rule, err) ||
        jcur_text(&text, FINDING_TEXT_MAX, &out->text, err))
        return ERR_BAD;
    out->advice = "";
    return jcur_has(&advice) ? jcur_text(&advice, FINDING_TEXT_MAX, &out->advice, err) : 0;
}

int finding_read(const struct jcur *cur, struct finding_said *out, struct err *err)
{
    static const char *const keys[] = {"rule", "action", "text", "advice", NULL};
    static const char *const actions[] = {"suggest", "warn", "stop", NULL};
    int which = 0;
    struct jcur action = jcur_get(cur, "action");
    if (jcur_object(cur, 4, err) || jcur_known(cur, keys, err) || read_texts(cur, out, err) ||
        jcur_choice(&action, actions, &which, err))
        return ERR_BAD;
    out->action = actions[which];
    if (!name_ok(out->rule))
        return jcur_fail(cur, err, "the rule is no name: letters, digits, _ . -");
    return 0;
}

int findings_check(const struct jcur *list, struct err *err)
{
    struct finding_said finding;
    int rc = jcur_array(list, 0, FINDINGS_MAX, err);
    for (int i = 0; !rc && i < (int)json_count(list->node); i++) {
        struct jcur item = jcur_at(list, i);
        rc = finding_read(&item, &finding, err);
    }
    return rc;
}
