import { type AttributeList, getAttribute, type Resource, type SpanData } from '../../trace/data'
import { text } from './xray-names'

type Fields = Record<string, unknown>

/** Field of `aws.<part>` and the resource attribute from which it comes. */
const EC2 = {
  instance_id: 'host.id',
  availability_zone: 'cloud.availability_zone',
  instance_size: 'host.type',
  ami_id: 'host.image.id',
}
const ECS = {
  container: 'container.name',
  container_id: 'container.id',
  container_arn: 'aws.ecs.container.arn',
  cluster_arn: 'aws.ecs.cluster.arn',
  task_arn: 'aws.ecs.task.arn',
  task_family: 'aws.ecs.task.family',
  launch_type: 'aws.ecs.launchtype',
  availability_zone: 'cloud.availability_zone',
}
const EKS = { cluster_name: 'k8s.cluster.name', pod: 'k8s.pod.name', container_id: 'container.id' }
const BEANSTALK = { environment_name: 'deployment.environment.name', version_label: 'service.version' }

/** Field of `aws` and the span attributes of which the first one present gives it. */
const CALL: Readonly<Record<string, readonly string[]>> = {
  operation: ['aws.operation', 'rpc.method'],
  region: ['aws.region', 'cloud.region'],
  request_id: ['aws.request_id', 'aws.requestId'],
  queue_url: ['aws.sqs.queue.url', 'aws.queue_url'],
  account_id: ['aws.account.id'],
}

/** `origin`: what kind of AWS resource runs the service (X-Ray developer guide, "Segment documents"). */
export function originOf(resource: Resource): string | undefined {
  switch (text(resource.attributes, 'cloud.platform')) {
    case 'aws_ec2':
      return 'AWS::EC2::Instance'
    case 'aws_ecs':
      return `AWS::ECS::${launchType(resource)}`
    case 'aws_elastic_beanstalk':
      return 'AWS::ElasticBeanstalk::Environment'
    case 'aws_eks':
      return 'AWS::EKS::Container'
    case 'aws_app_runner':
      return 'AWS::AppRunner::Service'
    default:
      return undefined
  }
}

function launchType(resource: Resource): string {
  const type = text(resource.attributes, 'aws.ecs.launchtype')?.toLowerCase()
  return type === 'fargate' ? 'Fargate' : type === 'ec2' ? 'EC2' : 'Container'
}

/** The part of `aws` that is the same for all segments of this process. */
export function awsOfResource(resource: Resource): Fields {
  const { attributes } = resource
  const aws: Fields = {}
  const account = text(attributes, 'cloud.account.id')
  if (account !== undefined) aws['account_id'] = account
  const platform = text(attributes, 'cloud.platform')
  const provider = text(attributes, 'cloud.provider')
  if (provider === undefined || provider === 'aws') {
    if (platform === 'aws_ec2' || platform === 'aws_ecs' || platform === 'aws_eks')
      add(aws, 'ec2', pick(attributes, EC2))
    if (platform === 'aws_ecs') add(aws, 'ecs', pick(attributes, ECS))
    if (platform === 'aws_eks') add(aws, 'eks', pick(attributes, EKS))
    if (platform === 'aws_elastic_beanstalk') add(aws, 'elastic_beanstalk', beanstalk(attributes))
    add(aws, 'cloudwatch_logs', logGroups(attributes))
  }
  aws['xray'] = {
    sdk: `${text(attributes, 'telemetry.sdk.name') ?? 'tracing-agent'} for ${text(attributes, 'telemetry.sdk.language') ?? 'nodejs'}`,
    sdk_version: text(attributes, 'telemetry.sdk.version') ?? '',
    auto_instrumentation: true,
  }
  return aws
}

/** The part of `aws` that tells of a call to an AWS service. */
export function awsOfCall(span: SpanData): Fields {
  const aws: Fields = {}
  for (const field of Object.keys(CALL)) {
    for (const key of CALL[field]!) {
      const value = text(span.attributes, key)
      if (value === undefined) continue
      aws[field] = value
      break
    }
  }
  const tables = getAttribute(span.attributes, 'aws.dynamodb.table_names')
  if (Array.isArray(tables) && tables.length === 1) aws['table_name'] = tables[0]
  else if (Array.isArray(tables) && tables.length > 1) aws['table_names'] = tables
  return aws
}

function beanstalk(attributes: AttributeList): Fields {
  const fields = pick(attributes, BEANSTALK)
  const deployment = Number(text(attributes, 'service.instance.id'))
  if (Number.isInteger(deployment)) fields['deployment_id'] = deployment
  return fields
}

function logGroups(attributes: AttributeList): Fields[] {
  const groups = getAttribute(attributes, 'aws.log.group.names')
  const arns = getAttribute(attributes, 'aws.log.group.arns')
  if (Array.isArray(arns)) return arns.map(arn => ({ arn, log_group: String(arn).split(':')[6] ?? '' }))
  return Array.isArray(groups) ? groups.map(group => ({ log_group: group })) : []
}

function pick(attributes: AttributeList, fields: Readonly<Record<string, string>>): Fields {
  const picked: Fields = {}
  for (const field of Object.keys(fields)) {
    const value = text(attributes, fields[field]!)
    if (value !== undefined) picked[field] = value
  }
  return picked
}

function add(target: Fields, key: string, value: Fields | Fields[]): void {
  if ((Array.isArray(value) ? value.length : Object.keys(value).length) > 0) target[key] = value
}
