/* demo.h — a provider for tests: every kind of attribute the tables know, over a folder of JSON files.
 *
 * Its world is the folder named by the provider's `dir`: a thing is the file <dir>/<name>.json, so that it
 * outlives a process as a cloud's objects do. `behaviour` makes a thing misbehave on request. Linked into
 * tests only.
 */
#ifndef AURORA_TF_DEMO_H
#define AURORA_TF_DEMO_H

#include "internal/tf/tf.h"

extern const struct tf_provider demo_provider;

#endif
