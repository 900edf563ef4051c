/// Class and method number of AMQP 0-9-1, as they stand at the head of a method frame.
struct MethodID: RawRepresentable, Sendable, Hashable {
    let rawValue: UInt32

    init(rawValue: UInt32) { self.rawValue = rawValue }

    private init(_ family: UInt32, _ method: UInt32) { self.init(rawValue: family << 16 | method) }

    static let connectionClose = MethodID(10, 50)
    static let connectionCloseOK = MethodID(10, 51)
    static let connectionBlocked = MethodID(10, 60)
    static let connectionUnblocked = MethodID(10, 61)
    static let channelOpen = MethodID(20, 10)
    static let channelOpenOK = MethodID(20, 11)
    static let channelFlow = MethodID(20, 20)
    static let channelFlowOK = MethodID(20, 21)
    static let channelClose = MethodID(20, 40)
    static let channelCloseOK = MethodID(20, 41)
    static let exchangeDeclare = MethodID(40, 10)
    static let exchangeDeclareOK = MethodID(40, 11)
    static let exchangeDelete = MethodID(40, 20)
    static let exchangeDeleteOK = MethodID(40, 21)
    static let queueDeclare = MethodID(50, 10)
    static let queueDeclareOK = MethodID(50, 11)
    static let queueBind = MethodID(50, 20)
    static let queueBindOK = MethodID(50, 21)
    static let queuePurge = MethodID(50, 30)
    static let queuePurgeOK = MethodID(50, 31)
    static let queueDelete = MethodID(50, 40)
    static let queueDeleteOK = MethodID(50, 41)
    static let queueUnbind = MethodID(50, 50)
    static let queueUnbindOK = MethodID(50, 51)
    static let basicQos = MethodID(60, 10)
    static let basicQosOK = MethodID(60, 11)
    static let basicConsume = MethodID(60, 20)
    static let basicConsumeOK = MethodID(60, 21)
    static let basicCancel = MethodID(60, 30)
    static let basicCancelOK = MethodID(60, 31)
    static let basicPublish = MethodID(60, 40)
    static let basicReturn = MethodID(60, 50)
    static let basicDeliver = MethodID(60, 60)
    static let basicGet = MethodID(60, 70)
    static let basicGetOK = MethodID(60, 71)
    static let basicGetEmpty = MethodID(60, 72)
    static let basicAck = MethodID(60, 80)
    static let basicNack = MethodID(60, 120)
    static let confirmSelect = MethodID(85, 10)
    static let confirmSelectOK = MethodID(85, 11)
}
