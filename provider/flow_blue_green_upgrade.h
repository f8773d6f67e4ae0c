/* flow_blue_green_upgrade.h — the tables of flow_blue_green_upgrade.c. */
#ifndef AURORA_FLOW_BLUE_GREEN_UPGRADE_H
#define AURORA_FLOW_BLUE_GREEN_UPGRADE_H

#include "internal/flow/flow.h"

extern const struct flow flow_blue_green;        /* prepared … completed */
extern const struct flow flow_blue_green_back;   /* rolled_back, before the switch */
extern const struct flow flow_blue_green_retire; /* the old side, at a destroy */

#endif
