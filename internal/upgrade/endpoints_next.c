#include "internal/upgrade/endpoints_move.h"

#include <strings.h>

static const struct moving_endpoint *copy_of(const struct moving_side *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->list[i].twin_of && strcasecmp(s->list[i].twin_of, name) == 0)
            return &s->list[i];
    return NULL;
}

static const struct moving_endpoint *original(const struct moving_side *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (!s->list[i].twin_of && strcasecmp(s->list[i].name, name) == 0)
            return &s->list[i];
    return NULL;
}

/* For one of the old side that is no copy. */
static enum move_act leave(enum move_phase phase, const struct moving_side *old_side,
                           const struct moving_side *new_side, const struct moving_endpoint *x)
{
    const struct moving_endpoint *copy = copy_of(new_side, x->name);
    copy = copy ? copy : copy_of(old_side, x->name);
    if (copy && phase == MOVE_COPY)
        return copy->is_available ? MOVE_DONE : MOVE_WAIT;
    if (copy)
        return copy->is_available && x->is_available ? MOVE_REMOVE : MOVE_WAIT;
    if (new_side->n < ENDPOINTS_MAX - 1)
        return MOVE_COPY_THERE;
    if (phase == MOVE_COPY)
        return MOVE_DONE; /* it has no place before another has left */
    return old_side->n < ENDPOINTS_MAX ? MOVE_COPY_HERE : MOVE_WAIT;
}

/* For a copy, of either side. */
static enum move_act arrive(const struct moving_side *new_side, const struct moving_endpoint *copy)
{
    const struct moving_endpoint *made = original(new_side, copy->twin_of);
    if (made)
        return made->is_available && copy->is_available ? MOVE_REMOVE : MOVE_WAIT;
    return copy->is_available && new_side->n < ENDPOINTS_MAX ? MOVE_MAKE : MOVE_WAIT;
}

/* The first that can be done; only if there is none, waiting. */
static void consider(struct move *m, enum move_act act, bool of_new, size_t index)
{
    if (m->act > MOVE_WAIT || act == MOVE_DONE)
        return;
    *m = (struct move){.act = act, .of_new = of_new, .index = index};
}

struct move endpoints_next(enum move_phase phase, const struct moving_side *old_side,
                           const struct moving_side *new_side)
{
    struct move m = {.act = MOVE_DONE};
    for (int of_new = 1; of_new >= 0; of_new--) {
        const struct moving_side *s = of_new ? new_side : old_side;
        for (size_t i = 0; i < s->n; i++) {
            const struct moving_endpoint *x = &s->list[i];
            if (phase == MOVE_ARRIVE && x->twin_of)
                consider(&m, arrive(new_side, x), of_new, i);
            else if (phase != MOVE_ARRIVE && !of_new && !x->twin_of)
                consider(&m, leave(phase, old_side, new_side, x), false, i);
        }
    }
    return m;
}
