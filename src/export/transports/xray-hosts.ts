/**
 * The region in the host name of an X-Ray endpoint, or undefined for any other host. Regional, FIPS, dual-stack, China and
 * VPC endpoints: `xray.eu-west-1.amazonaws.com`, `xray-fips.us-east-1.amazonaws.com`, `xray.eu-west-1.api.aws`,
 * `xray.cn-north-1.amazonaws.com.cn`, `vpce-0abc-1a2b.xray.eu-west-1.vpce.amazonaws.com`.
 */
export function xrayRegion(host: string): string | undefined {
  const match =
    /^(?:vpce-[a-z0-9-]+\.)?xray(?:-fips)?\.([a-z0-9-]+)\.(?:vpce\.)?(?:amazonaws\.com(?:\.cn)?|api\.aws|api\.amazonwebservices\.com\.cn)$/i.exec(
      host,
    )
  return match?.[1]?.toLowerCase()
}

/** The regional endpoint of X-Ray. */
export function xrayEndpoint(region: string): string {
  return `https://xray.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`
}
