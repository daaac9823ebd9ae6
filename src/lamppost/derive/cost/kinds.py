"""Every type of resource that a template may hold: who prices it, or why it costs nothing.

A type that stands in neither list is refused: an estimate with a gap in it is worse than none.
"""

from collections.abc import Callable, Iterator

from lamppost.derive.cost import computing, connecting, keeping, messaging, watching
from lamppost.derive.cost.scene import Scene
from lamppost.derive.cost.template import Resource
from lamppost.derive.cost.use import Use

BILLED: dict[str, Callable[[Resource, Scene], Iterator[Use]]] = {
    "AWS::ApiGatewayV2::Api": messaging.api,
    "AWS::ApiGatewayV2::Stage": messaging.api_stage,
    "AWS::CloudFront::Distribution": connecting.distribution,
    "AWS::CloudWatch::Alarm": watching.alarm,
    "AWS::CloudWatch::Dashboard": watching.dashboard,
    "AWS::Cognito::UserPool": keeping.users,
    "AWS::EC2::EIP": connecting.address,
    "AWS::EC2::Instance": connecting.instance,
    "AWS::EC2::NatGateway": connecting.gateway,
    "AWS::EC2::VPCEndpoint": connecting.endpoint,
    "AWS::ECS::TaskDefinition": computing.task,
    "AWS::KMS::Key": keeping.key,
    "AWS::Lambda::Alias": computing.alias,
    "AWS::Lambda::Function": computing.function,
    "AWS::RDS::DBInstance": keeping.database,
    "AWS::RDS::DBProxy": keeping.proxy,
    "AWS::Route53::HostedZone": connecting.zone,
    "AWS::S3::Bucket": keeping.bucket,
    "AWS::SNS::Topic": messaging.topic,
    "AWS::SQS::Queue": messaging.queue,
    "AWS::Scheduler::Schedule": messaging.schedule,
    "AWS::SecretsManager::Secret": keeping.secret,
    "AWS::StepFunctions::StateMachine": computing.machine,
    "AWS::WAFv2::WebACL": connecting.firewall,
}

_PART = "is paid with what it belongs to"
_RIGHTS = "rights cost nothing"
_NETWORK = "the network itself costs nothing"
_LOGS = "is paid by what is written to it, which its writers count"

FREE: dict[str, str] = {
    "AWS::ApiGatewayV2::ApiMapping": _PART,
    "AWS::ApiGatewayV2::Authorizer": _PART,
    "AWS::ApiGatewayV2::DomainName": "HTTP APIs have domains for nothing",
    "AWS::ApiGatewayV2::Integration": _PART,
    "AWS::ApiGatewayV2::Route": _PART,
    "AWS::ApplicationAutoScaling::ScalableTarget": "scaling costs what it scales",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "scaling costs what it scales",
    "AWS::Budgets::Budget": "a budget that only tells is free",
    "AWS::CertificateManager::Certificate": "public certificates are free",
    "AWS::CloudFront::CachePolicy": _PART,
    "AWS::CloudFront::Function": "two million runs a month are free",
    "AWS::CloudFront::OriginAccessControl": _PART,
    "AWS::CloudFront::OriginRequestPolicy": _PART,
    "AWS::CloudFront::ResponseHeadersPolicy": _PART,
    "AWS::Cognito::ManagedLoginBranding": _PART,
    "AWS::Cognito::UserPoolClient": _PART,
    "AWS::Cognito::UserPoolDomain": _PART,
    "AWS::Cognito::UserPoolGroup": _PART,
    "AWS::Cognito::UserPoolResourceServer": _PART,
    "AWS::Cognito::UserPoolRiskConfigurationAttachment": "is paid by the pool's plan",
    "AWS::EC2::EgressOnlyInternetGateway": _NETWORK,
    "AWS::EC2::FlowLog": _LOGS,
    "AWS::EC2::InternetGateway": _NETWORK,
    "AWS::EC2::LaunchTemplate": "is paid by what it launches",
    "AWS::EC2::NetworkAcl": _NETWORK,
    "AWS::EC2::NetworkAclEntry": _NETWORK,
    "AWS::EC2::Route": _NETWORK,
    "AWS::EC2::RouteTable": _NETWORK,
    "AWS::EC2::SecurityGroup": _NETWORK,
    "AWS::EC2::SecurityGroupEgress": _NETWORK,
    "AWS::EC2::SecurityGroupIngress": _NETWORK,
    "AWS::EC2::Subnet": _NETWORK,
    "AWS::EC2::SubnetNetworkAclAssociation": _NETWORK,
    "AWS::EC2::SubnetRouteTableAssociation": _NETWORK,
    "AWS::EC2::VPC": _NETWORK,
    "AWS::EC2::VPCCidrBlock": _NETWORK,
    "AWS::EC2::VPCGatewayAttachment": _NETWORK,
    "AWS::ECS::Cluster": "is paid by its tasks",
    "AWS::Events::Rule": "rules on a schedule or for AWS's own events are free",
    "AWS::IAM::InstanceProfile": _RIGHTS,
    "AWS::IAM::ManagedPolicy": _RIGHTS,
    "AWS::IAM::OIDCProvider": _RIGHTS,
    "AWS::IAM::Policy": _RIGHTS,
    "AWS::IAM::Role": _RIGHTS,
    "AWS::IAM::ServiceLinkedRole": _RIGHTS,
    "AWS::KMS::Alias": _PART,
    "AWS::Lambda::EventInvokeConfig": _PART,
    "AWS::Lambda::EventSourceMapping": "is paid as requests to its queue",
    "AWS::Lambda::LayerVersion": _PART,
    "AWS::Lambda::Permission": _RIGHTS,
    "AWS::Lambda::Url": _PART,
    "AWS::Lambda::Version": _PART,
    "AWS::Logs::LogGroup": _LOGS,
    "AWS::Logs::MetricFilter": "is paid as the metric it makes",
    "AWS::Logs::QueryDefinition": "is paid when it is asked",
    "AWS::Logs::ResourcePolicy": _RIGHTS,
    "AWS::RDS::DBParameterGroup": _PART,
    "AWS::RDS::DBProxyEndpoint": _PART,
    "AWS::RDS::DBProxyTargetGroup": _PART,
    "AWS::RDS::DBSubnetGroup": _PART,
    "AWS::Route53::RecordSet": _PART,
    "AWS::S3::BucketPolicy": _RIGHTS,
    "AWS::SNS::Subscription": _PART,
    "AWS::SNS::TopicPolicy": _RIGHTS,
    "AWS::SQS::QueuePolicy": _RIGHTS,
    "AWS::SSM::Parameter": "standard parameters are free",
    "AWS::Scheduler::ScheduleGroup": _PART,
    "AWS::SecretsManager::ResourcePolicy": _RIGHTS,
    "AWS::SecretsManager::RotationSchedule": "is paid as the function that rotates",
    "AWS::SecretsManager::SecretTargetAttachment": _PART,
    "AWS::WAFv2::WebACLAssociation": _PART,
}


def free(kind: str) -> str | None:
    """Why a type costs nothing, or None."""
    return "is a call of a function, which counts it" if kind.startswith("Custom::") else FREE.get(kind)
