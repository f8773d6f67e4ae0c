#include "internal/tf/demo.h"

int main(void)
{
    return tf_serve(&demo_provider);
}
