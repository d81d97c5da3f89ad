"""The schema in GraphQL's language: the record of what the contract assumes (§3.8), completed by
the fields of §§3.4-3.6. Some of it is unclear in the contract and can be switched.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from graphql import GraphQLSchema, build_schema


@dataclass(frozen=True, slots=True)
class Variant:
    """The parts of the schema that the contract leaves open."""

    created_date_filter: bool = True
    last_activity_field: bool = False
    source_of_business_list: bool = False


@cache
def schema_of(variant: Variant) -> GraphQLSchema:
    """The schema of a variant."""
    text = SDL
    if not variant.created_date_filter:
        text = text.replace("  createdDate: DateRange\n", "")
    if variant.last_activity_field:
        text = text.replace(
            "  cancelledDate: QDate\n", "  cancelledDate: QDate\n  lastActivity: QDate\n"
        )
    if variant.source_of_business_list:
        text = text.replace(
            "sourceOfBusiness: SourceOfBusiness", "sourceOfBusiness: [SourceOfBusiness!]"
        )
    return build_schema(text)


SDL = """
"ISO string, epoch milliseconds as number or as string"
scalar QDate
"Of posted and voided: a date as QDate, or only whether it happened"
scalar QPosted
"Of completed: the same"
scalar QCompleted
"A number or a numeric string"
scalar Money
"A string of digits or an integer"
scalar LineNumber

enum OrderStatus { OPEN PENDING CLOSED CANCELLED ON_HOLD }
enum TransactionType { PURCHASE REFINANCE OTHER }
enum DisbursementStatus { POSTED PENDING VOIDED }
enum CompanyType {
  REAL_ESTATE_AGENCY LENDER MORTGAGE_BROKERAGE TITLE_COMPANY SETTLEMENT_AGENCY TITLE_ABSTRACTOR
  UNDERWRITER SURVEYING_FIRM RECORDING_OFFICE TAX_AUTHORITY OTHER
}

input DateRange {
  start: String
  end: String
}
input OrdersFilter {
  lastActivity: DateRange
  createdDate: DateRange
  status: [OrderStatus!]
}
input CompaniesFilter { lastTouched: DateRange }

type Query {
  orders(filter: OrdersFilter): [ID!]!
  ordersList(
    first: Int, after: String, last: Int, before: String, filter: OrdersFilter
  ): OrderConnection!
  order(id: ID!): Order
  companyContacts(filter: CompaniesFilter): [ID!]!
  companyContact(id: ID!): OrderCompany
  users: [User!]!
}

type OrderConnection {
  edges: [OrderEdge!]!
  pageInfo: PageInfo!
}
type OrderEdge {
  cursor: String!
  node: Order!
}
type PageInfo {
  hasNextPage: Boolean!
  hasPreviousPage: Boolean!
  startCursor: String
  endCursor: String
}
type User {
  id: ID!
  email: String
}

type Order {
  id: ID!
  orderNumber: String!
  status: OrderStatus!
  transactionType: TransactionType
  createdDate: QDate!
  estimatedClosing: QDate
  closeDate: QDate
  disbursementDate: QDate
  cancelledDate: QDate
  externalReferenceNumber: String
  purchasePrice: Money
  earnestAmount: Money
  properties: [Address!]
  loans: [Loan!]
  settlementTeam: [SettlementTeamMember!]
  settlementAgency: SettlementAgency
  contacts: Contacts
  accounting: Accounting
  charges: [Charge!]
  settlementStatement: SettlementStatement
  closingLocation: Address
  appointments: [Appointment!]
  tasks: [Task!]
  documents: [Document!]
}

type Address {
  address1: String
  address2: String
  city: String
  state: String
  zipcode: String
  county: String
}
type Loan {
  amount: Money
  interestRate: Float
  loanNumber: String
}
type SettlementTeamMember {
  firstName: String
  lastName: String
  role: String
  roleID: String
  userID: String
  email: String
  phone: String
  fax: String
}
type SettlementAgency {
  id: ID!
  name: String
  branchName: String
  email: String
  phone: String
  fax: String
  addresses: [Address!]
}

type Accounting {
  disbursements(statuses: [DisbursementStatus!]): [Disbursement!]
  disbursementAccounts: [DisbursementAccount!]
  receipts: [Receipt!]
}
type Disbursement {
  amount: Money!
  payeeName: String
  status: DisbursementStatus
  posted: QPosted
  voided: QPosted
}
type DisbursementAccount { name: String }
type Receipt {
  amount: Money
  forBenefitOf: String
  receivedFrom: String
  posted: QPosted
  voided: QPosted
}

type Charge {
  section: String
  lineNumber: LineNumber
  description: String
  payeeName: String
  borrowerAmount: ChargeAmount
  sellerAmount: ChargeAmount
  payees: [Payee!]
}
type ChargeAmount { total: Money }
type Payee {
  type: String
  amount: Money
  name: String
  label: String
  address: Address
}
type SettlementStatement { lines: [StatementLine!] }
type StatementLine {
  description: String
  payeeName: String
  borrowerAmount: Money
  sellerAmount: Money
}

type Appointment {
  start: QDate
  type: String
  eventName: String
  guestInstructions: String
  duration: Int
  place: Place
}
type Place { address: Address }
type Task {
  label: String
  assigneeName: String
  due: QDate
  completed: QCompleted
}
type Document {
  name: String
  created: QDate
}

type Contacts {
  borrowers: [BorrowerSellerEntity!]
  sellers: [BorrowerSellerEntity!]
  lenders: [Company!]
  listingAgencies: [Company!]
  sellingAgencies: [Company!]
  mortgageBrokerages: [Company!]
  settlementAgencies: [Company!]
  titleCompanies: [Company!]
  titleAbstractors: [Company!]
  underwriters: [Company!]
  surveyingFirms: [Company!]
  recordingOffices: [Company!]
  taxAuthorities: [Company!]
  otherContacts: [Company!]
  sourceOfBusiness: SourceOfBusiness
}
interface BorrowerSellerEntity {
  email: String
  currentAddress: Address
  forwardingAddress: Address
}
type Individual implements BorrowerSellerEntity {
  email: String
  currentAddress: Address
  forwardingAddress: Address
  firstName: String
  lastName: String
  cellPhone: String
  maritalStatus: String
  ssn: String
  dateOfBirth: String
}
type Organization implements BorrowerSellerEntity {
  email: String
  currentAddress: Address
  forwardingAddress: Address
  name: String
  type: String
}
union Company = OrderCompany
type OrderCompany {
  id: ID!
  name: String
  phone: String
  fax: String
  email: String
  type: CompanyType
  nationalLicenseID: String
  stateLicenseIDs: [StateLicense!]
  primaryAddress: Address
  mailingAddress: Address
  associates: [OrderAssociate!]
}
type StateLicense {
  id: String
  state: String
}
type OrderAssociate {
  id: ID!
  firstName: String
  lastName: String
  workPhone: String
  cellPhone: String
  email: String
  jobTitle: String
  nationalLicenseID: String
  stateLicenseIDs: [StateLicense!]
}
type SourceOfBusiness {
  type: String
  manualEntry: String
  company: OrderCompany
  associates: [OrderAssociate!]
  borrowerOrSeller: BorrowerSellerEntity
  users: [BusinessUser!]
}
type BusinessUser {
  id: ID!
  email: String
  firstName: String
  middleName: String
  lastName: String
  suffix: String
  jobTitle: String
  phone: String
}
"""
