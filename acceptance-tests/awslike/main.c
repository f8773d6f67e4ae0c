#include "acceptance-tests/awslike/awslike.h"

int main(void)
{
    return tf_serve(&awslike_provider);
}
