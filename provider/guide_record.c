/* Of the guide page of a logical upgrade: a record of Route 53 that is led to the new side. */
#include "provider/guides.h"

void guide_record(struct buf *out)
{
    (void)buf_puts(
        out,
        "## With a record of Route 53\n\n"
        "`cutover { endpoint = \"route53\" }` does the same, and leads a CNAME of yours: "
        "`route53 { zone_id, record, ttl }`. Its one value must be production's writer endpoint; aliases and "
        "routing policies are refused (AUR0240). Ahead of the window the record's time to live is lowered to "
        "`ttl` (5 s) and the old one waited out; that also proves that it may be changed. Right behind the "
        "fence it is led to the clone, before your hooks at `at_switch`, and the apply waits until every "
        "server of Route 53 answers so (AWS: usually within a minute). Until then, and for `ttl` after it, a "
        "resolver may still give the old answer: who has it meets the fence and is refused, nothing is lost. "
        "An application should look the name up at every new connection; the JVM, for one, may keep answers "
        "for good. The record is replaced only from what was read, in one batch: where somebody else has "
        "led it elsewhere meanwhile it stays so (AUR0241). An apply that dies behind the point of no return "
        "is finished by the next one, or by `terraform-provider-aurora resume <cluster>`. `rolled_back` "
        "leads "
        "the record back, `completed` gives it its time to live back. If the record is in a Terraform "
        "configuration, its `records` and `ttl` belong into `ignore_changes` meanwhile.\n\n"
        "The credentials need, on that zone, `route53:GetHostedZone`, `route53:ListResourceRecordSets` and "
        "`route53:ChangeResourceRecordSets`, and `route53:GetChange` on `arn:aws:route53:::change/*`.\n\n");
}
